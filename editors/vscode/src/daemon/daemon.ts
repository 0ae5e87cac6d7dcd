// The daemon as the extension sees it: there, not there, and there again.
import { existsSync, mkdirSync, watch, type FSWatcher } from "node:fs";
import { dirname, basename } from "node:path";
import { EventEmitter, type CancellationToken, type Disposable } from "vscode";

import type { HelloResponse__Output } from "../../generated/deployer/v1/HelloResponse";
import { Caller, type Lending } from "./caller";
import { call, Connection, type Begin } from "./connection";
import { socketPath, whoIsThere, type Environment } from "./endpoint";
import { findProgram, startDaemon } from "./program";
import { failure, Failure } from "./report";

/** How long a daemon may take to greet, in milliseconds: a slow answer is not a dead daemon. */
const HELLO_PATIENCE = 20_000;

/** How long a connection must have lasted to be replaced at once, in milliseconds. */
const CALM = 1_000;

export interface DaemonSettings {
  environment: Environment;
  /** The setting deployer.path. */
  program: () => string;
  /** Such as "vscode-deployer/0.1.0". */
  client: string;
}

export class Daemon implements Disposable {
  private connection: Connection | undefined;
  private connecting: Promise<Connection> | undefined;
  private waiting: FSWatcher | undefined;
  private retry: NodeJS.Timeout | undefined;
  private since = 0;
  private readonly caller: Caller;
  private readonly changed = new EventEmitter<Connection | undefined>();
  /** Fires with each new connection, and with nothing when it is gone. */
  readonly onDidChange = this.changed.event;
  /** Why the daemon that is there cannot serve this extension. */
  refusal: Failure | undefined;
  /** How many calls were made. */
  calls = 0;

  constructor(private readonly settings: DaemonSettings) {
    this.caller = new Caller(settings.environment, settings.client);
  }

  get isThere(): boolean {
    return this.connection !== undefined;
  }

  /** What travels with a call. */
  lend(lending: Lending) {
    return this.caller.context(lending);
  }

  /** The connection to the daemon, which is started where none runs. */
  async connected(): Promise<Connection> {
    // Somebody may be looking for one that runs, without the right to start one.
    await this.connecting?.catch(() => undefined);
    return this.connection ?? this.connect(true);
  }

  /** Connects to the daemon if it runs. */
  async connectIfThere(): Promise<void> {
    if (!this.connection) await this.connect(false).catch(() => undefined);
  }

  /** Makes a call that has one answer; `given` gives it up. */
  async ask<A>(begin: (connection: Connection, ...how: Parameters<Begin<A>>) => ReturnType<Begin<A>>, given?: CancellationToken): Promise<A> {
    const connection = await this.connected();
    this.calls += 1;
    return call<A>((options, answer) => begin(connection, options, answer), { given });
  }

  /** The daemon is not there any more: whoever starts it again makes the extension find it. */
  lost(connection: Connection): void {
    if (this.connection !== connection) return;
    this.connection.close();
    this.connection = undefined;
    this.waitForIt();
    this.changed.fire(undefined);
    // A daemon that was replaced may be there already. One that ends every connection is not asked all the time.
    const lived = performance.now() - this.since;
    this.retry = setTimeout(() => void this.connectIfThere(), Math.max(0, CALM - lived));
  }

  dispose(): void {
    clearTimeout(this.retry);
    this.waiting?.close();
    this.connection?.close();
    this.connection = undefined;
    this.changed.dispose();
  }

  private connect(mayStart: boolean): Promise<Connection> {
    this.connecting ??= this.greeted(mayStart)
      .catch((error) => {
        const failed = failure(error);
        this.refusal = failed.speaksOtherwise ? failed : undefined;
        // Whoever mends it makes the extension find it.
        this.waitForIt();
        this.changed.fire(undefined);
        throw error;
      })
      .finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async greeted(mayStart: boolean): Promise<Connection> {
    const socket = socketPath(this.settings.environment);
    let refusal: Failure | undefined;
    let connection = whoIsThere(socket) === "ours" ? await this.greet(socket).catch((error) => void (refusal = failure(error))) : undefined;
    if (!connection) {
      if (refusal && !refusal.isGone && !refusal.speaksOtherwise) throw refusal;
      if (!mayStart) throw refusal?.speaksOtherwise ? refusal : new Failure("the daemon is not running", "");
      // The command line replaces a daemon that is too old, where it is idle.
      connection = await this.started(socket).catch((error) => {
        throw refusal?.speaksOtherwise ? refusal : error;
      });
    }
    this.waiting?.close();
    this.waiting = undefined;
    this.connection = connection;
    this.refusal = undefined;
    this.since = performance.now();
    this.changed.fire(connection);
    return connection;
  }

  private async started(socket: string): Promise<Connection> {
    await startDaemon(findProgram(this.settings.program(), this.settings.environment));
    whoIsThere(socket);
    return this.greet(socket);
  }

  private async greet(socket: string): Promise<Connection> {
    const connection = new Connection(socket);
    try {
      this.calls += 1;
      const context = this.lend({ cwd: "/" });
      await call<HelloResponse__Output>((options, answer) => connection.daemon.Hello({ context }, options, answer), { patience: HELLO_PATIENCE });
      return connection;
    } catch (error) {
      connection.close();
      throw failure(error);
    }
  }

  /** Asks nobody: the system tells when the socket appears. */
  private waitForIt(): void {
    if (this.waiting || this.connection) return;
    try {
      const socket = socketPath(this.settings.environment);
      const directory = dirname(socket);
      if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 });
      this.waiting = watch(directory, (_event, name) => {
        if (name === basename(socket) && existsSync(socket)) void this.connectIfThere();
      });
    } catch {
      // Then it is found when somebody asks for something.
    }
  }
}
