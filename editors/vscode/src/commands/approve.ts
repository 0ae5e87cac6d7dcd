// Approving and rejecting what another person wants to run, with its plan before one's eyes.

import type { Approval__Output } from "../../generated/deployer/v1/Approval";
import type { Daemon } from "../daemon/daemon";
import { place } from "../model/place";
import { operationWord } from "../model/runs";
import type { PlanDocuments } from "../plan/document";
import { counts } from "../plan/text";
import { askText, inform } from "../tell/tell";
import { confirmPlan } from "./ask";

export class Approving {
  constructor(
    private readonly daemon: Daemon,
    private readonly plans: PlanDocuments,
  ) {}

  async approve(run: string): Promise<void> {
    const asked = await this.show(run);
    const detail = `Asked by ${asked.requestedBy} (${asked.requestedPrincipal}). ${asked.plan ? counts(asked.plan) : ""}.`;
    if (!(await confirmPlan(`Approve to ${operationWord(asked.operation)} ${place(asked)}?`, detail, "Approve"))) return;
    // The digest of what was shown: another plan is not approved by this.
    await this.decide(asked, "Approve", "");
    void inform(`${operationWord(asked.operation)} ${place(asked)} is approved`);
  }

  async reject(run: string): Promise<void> {
    const asked = await this.show(run);
    const comment = await askText({ title: `Reject to ${operationWord(asked.operation)} ${place(asked)}`, prompt: "Why?" });
    if (comment !== undefined) await this.decide(asked, "Reject", comment);
  }

  private async show(run: string): Promise<Approval__Output> {
    const request = { context: this.daemon.lend({ cwd: "/" }), run };
    const asked = await this.daemon.ask<Approval__Output>((it, ...how) => it.approvals.Show(request, ...how));
    if (asked.plan) await this.plans.show(asked.plan, `approval-${run.slice(-6)}`);
    return asked;
  }

  private async decide(asked: Approval__Output, verdict: "Approve" | "Reject", comment: string): Promise<void> {
    const request = { context: this.daemon.lend({ cwd: "/" }), run: asked.run, digest: asked.digest, comment };
    await this.daemon.ask<Approval__Output>((it, ...how) => it.approvals[verdict](request, ...how));
  }
}
