// The runs whose events are heard: those that this window started, and those that a terminal did.
import type { ClientReadableStream } from "@grpc/grpc-js";
import { EventEmitter, type Disposable } from "vscode";

import type { Run__Output } from "../../generated/deployer/v1/Run";
import type { RunEvent__Output } from "../../generated/deployer/v1/RunEvent";
import type { Connection } from "../daemon/connection";
import type { Daemon } from "../daemon/daemon";
import { hear } from "../daemon/connection";
import type { Platform } from "../model/platform";
import { isOver } from "../model/runs";
import { RunOutput } from "./output";
import { RunProgress } from "./run";

/** How many runs that are over keep their inside and their output. */
const KEPT = 10;

export class FollowedRuns implements Disposable {
  private readonly known = new Map<string, RunProgress>();
  private readonly streams = new Map<string, ClientReadableStream<RunEvent__Output>>();
  private readonly outputs = new Map<string, RunOutput>();
  /** Runs of this window whose ids are not known yet: they may be told of before they answer. */
  private readonly starting = new Set<Promise<string>>();
  private readonly changed = new EventEmitter<string>();
  /** Fires with a run's id. */
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly daemon: Daemon,
    platform: Platform,
  ) {
    this.subscriptions = [
      platform.onDidChangeRun((run) => {
        if (!isOver(run.status)) void this.followOther(run).catch(() => undefined);
      }),
    ];
  }

  progress(id: string): RunProgress | undefined {
    return this.known.get(id);
  }

  /**
   * Follows a run to its end. `lends` also lends it the editor's environment, with which a run whose daemon died goes on:
   * only where somebody asks for it.
   */
  async follow(run: Run__Output, lends: boolean): Promise<void> {
    const connection = await this.daemon.connected();
    const heard = this.streams.get(run.id);
    // Only a run that waits may wait for somebody's environment.
    if (heard && !(lends && run.status === "RUN_STATUS_WAITING")) return;
    heard?.cancel();
    const progress = this.known.get(run.id) ?? new RunProgress();
    this.known.set(run.id, progress);
    const context = this.daemon.lend({ cwd: "/", commands: lends });
    this.daemon.calls += 1;
    await this.hearAll(run.id, connection.runs.Attach({ context, id: run.id, afterSequence: progress.sequence }), progress);
  }

  /** Starts a run; answers its id when its first event has come. */
  async start(begin: (connection: Connection) => ClientReadableStream<RunEvent__Output>): Promise<string> {
    const connection = await this.daemon.connected();
    this.daemon.calls += 1;
    const starting = this.started(begin(connection));
    this.starting.add(starting);
    return starting.finally(() => this.starting.delete(starting));
  }

  /** The run's output, made when somebody looks. */
  show(run: Run__Output): void {
    this.output(run.id, `deployer: ${run.stack}/${run.environment} ${run.id.slice(-6)}`).show();
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    this.streams.forEach((stream) => stream.cancel());
    this.outputs.forEach((output) => output.dispose());
    this.changed.dispose();
  }

  private started(stream: ClientReadableStream<RunEvent__Output>): Promise<string> {
    const progress = new RunProgress();
    return new Promise((resolve, reject) => {
      stream.once("error", reject);
      stream.once("data", (first: RunEvent__Output) => {
        const run = first.started?.run;
        if (!run) return reject(new Error("the run began without its first event"));
        this.known.set(run.id, progress);
        this.take(run.id, progress, first);
        void this.hearAll(run.id, stream, progress).catch(() => undefined);
        resolve(run.id);
      });
    });
  }

  private async followOther(run: Run__Output): Promise<void> {
    await Promise.allSettled(this.starting);
    await this.follow(run, false);
  }

  private output(id: string, name: string): RunOutput {
    const output = this.outputs.get(id) ?? new RunOutput();
    this.outputs.set(id, output);
    output.name = name;
    return output;
  }

  private async hearAll(id: string, stream: ClientReadableStream<RunEvent__Output>, progress: RunProgress): Promise<void> {
    this.streams.set(id, stream);
    try {
      await hear(stream, (event) => this.take(id, progress, event));
    } finally {
      if (this.streams.get(id) === stream) this.streams.delete(id);
      this.forgetOld();
      this.changed.fire(id);
    }
  }

  private take(id: string, progress: RunProgress, event: RunEvent__Output): void {
    const line = progress.take(event);
    if (line !== undefined) this.output(id, this.outputs.get(id)?.name ?? `deployer: run ${id.slice(-6)}`).append(line);
    if (event.event !== "componentOutput") this.changed.fire(id);
  }

  private forgetOld(): void {
    const over = [...this.known.keys()].filter((id) => !this.streams.has(id)).sort();
    for (const id of over.slice(0, Math.max(0, over.length - KEPT))) {
      this.known.delete(id);
      this.outputs.get(id)?.dispose();
      this.outputs.delete(id);
    }
  }
}
