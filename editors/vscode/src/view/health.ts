// The health of environments that somebody looks at. It asks the engines, so nobody is asked without a look.
import { EventEmitter, type Disposable } from "vscode";

import type { ComponentHealth__Output } from "../../generated/deployer/v1/ComponentHealth";
import type { StatusResponse__Output } from "../../generated/deployer/v1/StatusResponse";
import type { Daemon } from "../daemon/daemon";
import { failure } from "../daemon/report";
import { place, type Place } from "../model/place";
import type { Platform } from "../model/platform";
import { isOver } from "../model/runs";

type Known = ComponentHealth__Output[] | string;

export class Health implements Disposable {
  private readonly known = new Map<string, Known>();
  private readonly asked = new Map<string, Promise<Known>>();
  private readonly changed = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly daemon: Daemon,
    platform: Platform,
    private readonly directoryOf: (of: Place) => string,
  ) {
    let tenant = platform.tenant?.name;
    this.subscriptions = [
      // What somebody looks at is looked at again when a run has changed it.
      platform.onDidChangeRun((run) => {
        if (isOver(run.status) && this.known.delete(place(run))) this.changed.fire();
      }),
      platform.onDidChange(() => {
        if (tenant !== platform.tenant?.name) this.known.clear();
        tenant = platform.tenant?.name;
      }),
    ];
  }

  of(of: Place): Known | undefined {
    return this.known.get(place(of));
  }

  /** Whether all of it is healthy, where that is known. */
  isHealthy(of: Place): boolean | undefined {
    const known = this.known.get(place(of));
    if (!known || typeof known === "string" || known.length === 0) return undefined;
    return known.every((component) => component.health === "Healthy");
  }

  /** Forgets everything: what is shown is looked at again. */
  forget(): void {
    this.known.clear();
    this.changed.fire();
  }

  /** Asks the engines, once for all who ask meanwhile; answers the components, or why it cannot be known. */
  look(of: Place): Promise<Known> {
    const asked = this.asked.get(place(of)) ?? this.ask(of).finally(() => this.asked.delete(place(of)));
    this.asked.set(place(of), asked);
    return asked;
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    this.changed.dispose();
  }

  private async ask(of: Place): Promise<Known> {
    const context = this.daemon.lend({ cwd: this.directoryOf(of), commands: true });
    const target = { stack: of.stack, environment: of.environment };
    let found: Known;
    try {
      const answer = await this.daemon.ask<StatusResponse__Output>((it, ...how) => it.stacks.Status({ context, target }, ...how));
      found = answer.components;
    } catch (error) {
      const { reason, message } = failure(error);
      found = reason === "NOT_FOUND" ? [] : message;
    }
    this.known.set(place(of), found);
    this.changed.fire();
    return found;
  }
}
