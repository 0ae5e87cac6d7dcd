// A plan as people read it. The first characters colour it in the language "diff".
import type { Plan__Output } from "../../generated/deployer/v1/Plan";
import type { PlannedStep__Output } from "../../generated/deployer/v1/PlannedStep";
import type { ResourceChange__Output } from "../../generated/deployer/v1/ResourceChange";
import { operationWord } from "../model/runs";
import { printable } from "../tell/plain";

const SIGNS: Record<string, [sign: string, word: string]> = {
  ACTION_CREATE: ["+", "create"],
  ACTION_UPDATE: ["!", "update"],
  ACTION_REPLACE: ["-", "replace"],
  ACTION_DELETE: ["-", "delete"],
};

/** The whole plan. */
export function planText(plan: Plan__Output): string {
  const lines = [`# ${plan.stack}/${plan.environment}: ${operationWord(plan.operation)}`, `# ${counts(plan)}`];
  if (plan.rollbackTo) lines.push(`# Goes back to run #${plan.rollbackTo}`);
  if (plan.needsApproval) lines.push("# Another person has to approve it first");
  if (plan.lockedBy) lines.push(`# Locked by ${plan.lockedBy}`, "# What they do is not in this plan");
  lines.push("");
  if (!plan.changes) lines.push("No changes.", "");
  plan.steps.filter(changes).forEach((step) => lines.push(...stepLines(step), ""));
  const unchanged = plan.steps.filter((step) => !changes(step)).map((step) => step.component);
  if (unchanged.length > 0) lines.push(`  unchanged: ${unchanged.join(", ")}`, "");
  plan.warnings.forEach((warning) => lines.push(`! Warning: ${warning}`));
  plan.refusals.forEach((refusal) => lines.push(`- Refused: ${refusal}`));
  lines.push(`# Digest ${plan.digest.slice(0, 16)}`);
  return `${lines.map(printable).join("\n")}\n`;
}

/** Such as "1 to create, 2 to update, 3 unchanged". */
export function counts(plan: Plan__Output): string {
  const of = plan.counts;
  const parts: [number, string][] = [
    [of?.create ?? 0, "to create"],
    [of?.update ?? 0, "to update"],
    [of?.replace ?? 0, "to replace"],
    [of?.delete ?? 0, "to delete"],
    [of?.unchanged ?? 0, "unchanged"],
  ];
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`).join(", ") || "nothing to do";
}

function changes(step: PlannedStep__Output): boolean {
  return SIGNS[step.action] !== undefined;
}

function stepLines(step: PlannedStep__Output): string[] {
  const [sign, word] = SIGNS[step.action] ?? [" ", ""];
  const head = `${sign} ${step.component} (${step.type}): ${word}${step.reason ? `, ${step.reason}` : ""}`;
  const values = step.changes.map((change) => `!     ${change.name}: ${change.before || "(none)"} -> ${change.after || "(none)"}`);
  return [head, ...values, ...step.resources.flatMap(resourceLines)];
}

function resourceLines(resource: ResourceChange__Output): string[] {
  const sign = { add: "+", import: "+", remove: "-", replace: "-", "may replace": "-" }[resource.action] ?? "!";
  const loud = resource.permissions ? "  PERMISSIONS CHANGE" : "";
  const name = resource.physicalId ? `${resource.name} (${resource.physicalId})` : resource.name;
  return [
    `${sign}     ${resource.action} ${resource.type} ${name}${loud}`,
    ...resource.details.map((detail) => `!         ${detail}`),
  ];
}
