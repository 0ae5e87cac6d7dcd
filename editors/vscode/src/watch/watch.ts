// Hears what changes for as long as the daemon is there. Nothing is asked for again and again.
import type { ClientReadableStream } from "@grpc/grpc-js";
import { EventEmitter, type Disposable } from "vscode";

import type { WatchEvent__Output } from "../../generated/deployer/v1/WatchEvent";
import type { Connection } from "../daemon/connection";
import type { Daemon } from "../daemon/daemon";
import { failure, type Failure } from "../daemon/report";

export class Watch implements Disposable {
  private stream: ClientReadableStream<WatchEvent__Output> | undefined;
  private heard = { stream: "", sequence: "0" };
  private readonly told = new EventEmitter<WatchEvent__Output>();
  readonly onDidHear = this.told.event;
  private readonly refused = new EventEmitter<Failure>();
  /** Fires where the daemon does not tell what changes. */
  readonly onDidRefuse = this.refused.event;
  private connection: Connection | undefined;
  private readonly subscription: Disposable;

  constructor(
    private readonly daemon: Daemon,
    private readonly lookSeconds: () => number,
  ) {
    this.subscription = daemon.onDidChange((connection) => {
      this.connection = connection;
      if (connection) this.begin(connection);
    });
  }

  /** Goes on with other settings; nothing is missed. */
  again(): void {
    const before = this.stream;
    this.stream = undefined;
    before?.cancel();
    if (this.connection) this.begin(this.connection);
  }

  dispose(): void {
    this.subscription.dispose();
    this.stream?.cancel();
    this.told.dispose();
    this.refused.dispose();
  }

  private begin(connection: Connection): void {
    const stream = connection.watches.Watch({
      context: this.daemon.lend({ cwd: "/" }),
      stream: this.heard.stream,
      afterSequence: this.heard.sequence,
      lookSeconds: this.lookSeconds(),
    });
    this.daemon.calls += 1;
    this.stream = stream;
    stream.on("data", (event: WatchEvent__Output) => {
      this.heard = { stream: event.began?.stream ?? this.heard.stream, sequence: event.sequence };
      this.told.fire(event);
    });
    const over = (failed?: Failure) => {
      if (this.stream !== stream) return;
      this.stream = undefined;
      // A daemon that refuses is there; to ask it again would only be refused again.
      if (!failed?.isRefusal) return this.daemon.lost(connection);
      connection.onEnd(() => this.daemon.lost(connection));
      this.refused.fire(failed);
    };
    stream.on("end", () => over());
    stream.on("error", (error) => over(failure(error)));
  }
}
