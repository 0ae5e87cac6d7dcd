// One run as its events tell it: the components, what each does now, and what it printed.
import type { RunEvent__Output } from "../../generated/deployer/v1/RunEvent";
import type { RunFinished__Output } from "../../generated/deployer/v1/RunFinished";
import { reportLines } from "../daemon/report";
import { statusWord } from "../model/runs";

export type ComponentState = "not started" | "running" | "succeeded" | "failed" | "skipped" | "cancelled";

export interface ComponentProgress {
  id: string;
  state: ComponentState;
  /** Such as "create". */
  action: string;
  /** The engine's last reason, or why it failed. */
  message: string;
  milliseconds: number;
}

/** What is known of a run's inside. */
export class RunProgress {
  readonly components = new Map<string, ComponentProgress>();
  /** The number of the last event. */
  sequence = "0";
  /** What is waited for, or how the lease stands, where that is worth a line. */
  note = "";

  /** Takes an event; answers a line for the run's output, if there is one. */
  take(event: RunEvent__Output): string | undefined {
    this.sequence = event.sequence;
    switch (event.event) {
      case "started":
        return `run ${event.started!.run?.id ?? ""}`;
      case "waiting":
        return (this.note = `waits for ${event.waiting!.for}`);
      case "awaitingApproval":
        return (this.note = "waits for another person's approval");
      case "approved":
        this.note = "";
        return `approved by ${event.approved!.actor}`;
      case "resumed":
        this.note = "";
        return `goes on with the environment of ${event.resumed!.actor}`;
      case "plan":
        this.note = "";
        event.plan!.steps
          .filter((step) => step.action !== "ACTION_NONE")
          .forEach((step) => this.component(step.component, { action: word(String(step.action)) }));
        return undefined;
      case "componentStarted": {
        const { component, action } = event.componentStarted!;
        this.component(component, { state: "running", action: word(String(action)), message: "" });
        return `${component}: ${word(String(action))}`;
      }
      case "componentProgress": {
        const { component, message } = event.componentProgress!;
        this.component(component, { message });
        return `${component}: ${message}`;
      }
      case "componentOutput": {
        const { component, line } = event.componentOutput!;
        return component ? `${component} | ${line}` : line;
      }
      case "componentFinished": {
        const { component, result, reason, durationMs } = event.componentFinished!;
        const state = String(result).replace("COMPONENT_RESULT_", "").toLowerCase() as ComponentState;
        this.component(component, { state, message: reason, milliseconds: durationMs });
        return `${component}: ${state}${reason ? ` (${reason})` : ""}`;
      }
      case "leaseChanged":
        this.note = event.leaseChanged!.state === "HELD" ? "" : `lock ${event.leaseChanged!.state}`;
        return `lock ${event.leaseChanged!.state}: ${event.leaseChanged!.message}`;
      case "cancelling":
        return (this.note = `cancelled by ${event.cancelling!.actor}`);
      case "finished":
        this.note = "";
        return ended(event.finished!);
      default:
        return undefined; // Of a later release.
    }
  }

  private component(id: string, what: Partial<ComponentProgress>): void {
    const known = this.components.get(id) ?? { id, state: "not started", action: "", message: "", milliseconds: 0 };
    this.components.set(id, { ...known, ...what });
  }
}

function ended(finished: RunFinished__Output): string {
  const status = statusWord(finished.status);
  return finished.error ? [status, ...reportLines(finished.error)].join("\n  ") : status;
}

/** Such as "create" for "ACTION_CREATE". */
export function word(action: string): string {
  return action.replace("ACTION_", "").toLowerCase();
}
