// Tells of runs that have ended and of requests for approval.
import type { Disposable } from "vscode";

import type { Run__Output } from "../../generated/deployer/v1/Run";
import { place } from "../model/place";
import type { Platform } from "../model/platform";
import { isOver, operationWord, statusWord } from "../model/runs";
import { complain, inform } from "../tell/tell";

export interface NotifyActions {
  showRun: (run: Run__Output) => void;
  approve: (run: string) => void;
}

export class Notifications implements Disposable {
  private readonly subscriptions: Disposable[];
  private readonly told = new Set<string>();

  constructor(platform: Platform, actions: NotifyActions) {
    this.subscriptions = [
      platform.onDidChangeRun((run) => isOver(run.status) && void this.ended(run, actions)),
      platform.onDidAskApproval((approval) => {
        // Nobody approves what they asked for themselves.
        const own = platform.runs.get(approval.run)?.owned ?? false;
        if (!own) void this.asked(`${approval.requestedBy} asks to ${operationWord(approval.operation)} ${place(approval)}`, approval.run, actions);
      }),
    ];
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
  }

  private async ended(run: Run__Output, actions: NotifyActions): Promise<void> {
    if (this.told.has(run.id)) return;
    this.told.add(run.id);
    const text = `${operationWord(run.operation)} ${place(run)}: ${statusWord(run.status)}`;
    const good = run.status === "RUN_STATUS_SUCCEEDED" || run.status === "RUN_STATUS_CANCELLED";
    const message = run.message ? `${text}: ${run.message}` : text;
    const chosen = good ? await inform(message, "Show") : await complain(message, "Show");
    if (chosen) actions.showRun(run);
  }

  private async asked(message: string, run: string, actions: NotifyActions): Promise<void> {
    // A daemon that is there again tells of all requests anew.
    const request = `approval ${run}`;
    if (this.told.has(request)) return;
    this.told.add(request);
    const chosen = await inform(message, "Look at the plan");
    if (chosen) actions.approve(run);
  }
}
