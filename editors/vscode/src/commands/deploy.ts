// Plan, apply, destroy, roll back: always the plan before one's eyes, then exactly that.
import { sep } from "node:path";
import { workspace } from "vscode";

import type { HistoryResponse__Output } from "../../generated/deployer/v1/HistoryResponse";
import type { Operation } from "../../generated/deployer/v1/Operation";
import type { Plan__Output } from "../../generated/deployer/v1/Plan";
import type { PlanOptions } from "../../generated/deployer/v1/PlanOptions";
import type { ShowStackResponse__Output } from "../../generated/deployer/v1/ShowStackResponse";
import type { StackTarget } from "../../generated/deployer/v1/StackTarget";
import type { Daemon } from "../daemon/daemon";
import type { LocalStacks } from "../model/local";
import { place, type Place } from "../model/place";
import { operationWord } from "../model/runs";
import type { PlanDocuments } from "../plan/document";
import { counts } from "../plan/text";
import type { FollowedRuns } from "../runs/followed";
import { complain, inform, unlessGivenUp } from "../tell/tell";
import { askRun, askVariables, confirmByName, confirmPlan } from "./ask";

export interface Deploying {
  daemon: Daemon;
  local: LocalStacks;
  plans: PlanDocuments;
  runs: FollowedRuns;
  /** Shows a run in the tree. */
  reveal: (id: string) => Promise<void>;
}

/** A place, and the file that describes it. */
export type Wanted = Place & { file?: string };

/** What is planned, so that exactly that can be run. */
interface Planned {
  plan: Plan__Output;
  target: StackTarget;
  options: PlanOptions;
  cwd: string;
}

export class Deploy {
  private readonly variables = new Map<string, string>();

  constructor(private readonly with_: Deploying) {}

  async plan(of: Wanted): Promise<void> {
    await this.planned(of, { operation: "OPERATION_APPLY" });
  }

  async apply(of: Wanted): Promise<void> {
    const planned = await this.planned(of, { operation: "OPERATION_APPLY" });
    if (planned && (await this.isWanted(planned, "Apply"))) await this.run(planned);
  }

  async destroy(of: Wanted): Promise<void> {
    const planned = await this.planned(of, { operation: "OPERATION_DESTROY" });
    if (!planned || this.isNothing(planned.plan)) return;
    if (await confirmByName(of)) await this.run(planned);
  }

  async rollback(of: Wanted): Promise<void> {
    const { daemon, local } = this.with_;
    const context = daemon.lend({ cwd: local.directoryOf(of) });
    const target = { stack: of.stack, environment: of.environment };
    const { rows } = await daemon.ask<HistoryResponse__Output>((it, ...how) => it.stacks.History({ context, target }, ...how));
    const rollbackTo = await askRun(rows);
    if (!rollbackTo) return;
    const planned = await this.planned(of, { operation: "OPERATION_ROLLBACK", rollbackTo });
    if (planned && (await this.isWanted(planned, "Roll back"))) await this.run(planned);
  }

  private async planned(of: Wanted, options: PlanOptions): Promise<Planned | undefined> {
    const { daemon, local, plans } = this.with_;
    const cwd = local.directoryOf(of);
    const file = of.file ?? local.stacks.get(of.stack)?.file ?? "";
    await saved(cwd);
    const variables = options.operation === "OPERATION_APPLY" ? await this.valuesOf(of, file, cwd) : {};
    if (!variables) return undefined;
    const target = { stack: of.stack, environment: of.environment, file, variables };
    const context = daemon.lend({ cwd, commands: true });
    const title = `Planning ${operationWord(options.operation as Operation & string)} of ${place(of)}`;
    const plan = await unlessGivenUp(title, (given) =>
      daemon.ask<Plan__Output>((it, ...how) => it.stacks.Plan({ context, target, options }, ...how), given),
    );
    if (!plan) return undefined;
    await plans.show(plan);
    return { plan, target, options, cwd };
  }

  private async valuesOf(of: Wanted, file: string, cwd: string): Promise<Record<string, string> | undefined> {
    const request = { context: this.with_.daemon.lend({ cwd }), target: { stack: of.stack, file } };
    const shown = await this.with_.daemon.ask<ShowStackResponse__Output>((it, ...how) => it.stacks.Show(request, ...how));
    return askVariables(shown, this.variables);
  }

  private isNothing(plan: Plan__Output): boolean {
    if (plan.refusals.length > 0) {
      void complain(`${place(plan)}: ${plan.refusals.join(" ")}`);
      return true;
    }
    if (!plan.changes) void inform(`${place(plan)}: no changes`);
    return !plan.changes;
  }

  private async isWanted({ plan }: Planned, yes: string): Promise<boolean> {
    if (this.isNothing(plan)) return false;
    const approval = plan.needsApproval ? " Another person has to approve it first: the run waits for that." : "";
    return confirmPlan(`${yes} ${place(plan)}?`, `${counts(plan)}.${approval}`, yes);
  }

  private async run({ plan, target, options, cwd }: Planned): Promise<void> {
    const { daemon, runs, reveal } = this.with_;
    const proposals = plan.steps.flatMap((step) => (step.proposal ? [[step.component, step.proposal] as const] : []));
    const id = await runs.start((connection) =>
      connection.runs.Start({
        context: daemon.lend({ cwd, commands: true }),
        target,
        options,
        planDigest: plan.digest,
        proposals: Object.fromEntries(proposals),
      }),
    );
    await reveal(id);
  }
}

/** What is planned is what is before one's eyes: what was changed in the stack's directory is saved. */
async function saved(directory: string): Promise<void> {
  const changed = workspace.textDocuments.filter((it) => it.isDirty && it.uri.scheme === "file" && it.uri.fsPath.startsWith(`${directory}${sep}`));
  const refused = (await Promise.all(changed.map(async (it) => ((await it.save()) ? [] : [it.uri.fsPath])))).flat();
  if (refused.length > 0) throw new Error(`${refused.join(", ")} cannot be saved; save it or undo what was changed, then try again`);
}
