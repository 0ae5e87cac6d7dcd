// The daemon as the extension sees it: there, not there, and there again.
import { existsSync, mkdirSync, watch, type FSWatcher } from "node:fs";
import { dirname, basename } from "node:path";
import { EventEmitter, type Disposable } from "vscode";

import type { HelloResponse__Output } from "../../generated/deployer/v1/HelloResponse";
import { Caller, type Lending } from "./caller";
import { call, Connection } from "./connection";
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
    if (!this.connection) await this.connect(false).catch(() => this.waitForIt());
  }

  /** Makes a call that has one answer. */
  async ask<A>(begin: (connection: Connection, ...how: Parameters<Parameters<typeof call<A>>[0]>) => unknown): Promise<A> {
    const connection = await this.connected();
    this.calls += 1;
    return call<A>((options, answer) => begin(connection, options, answer));
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
    this.connecting ??= this.greeted(mayStart).finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async greeted(mayStart: boolean): Promise<Connection> {
    const socket = socketPath(this.settings.environment);
    let connection = whoIsThere(socket) === "ours" ? await this.greet(socket).catch(unlessGone) : undefined;
    if (!connection) {
      if (!mayStart) throw new Failure("the daemon is not running", "");
      await startDaemon(findProgram(this.settings.program(), this.settings.environment));
      whoIsThere(socket);
      connection = await this.greet(socket);
    }
    this.waiting?.close();
    this.waiting = undefined;
    this.connection = connection;
    this.since = performance.now();
    this.changed.fire(connection);
    return connection;
  }

  private async greet(socket: string): Promise<Connection> {
    const connection = new Connection(socket);
    try {
      this.calls += 1;
      const context = this.lend({ cwd: "/" });
      await call<HelloResponse__Output>((options, answer) => connection.daemon.Hello({ context }, options, answer), HELLO_PATIENCE);
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

function unlessGone(error: unknown): undefined {
  if (!failure(error).isGone) throw error;
}
