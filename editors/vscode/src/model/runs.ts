// Words and states of runs.
import type { Operation__Output as Operation } from "../../generated/deployer/v1/Operation";
import type { RunStatus__Output as RunStatus } from "../../generated/deployer/v1/RunStatus";

const WORDS: Record<RunStatus, string> = {
  RUN_STATUS_UNSPECIFIED: "unknown",
  RUN_STATUS_WAITING: "waiting",
  RUN_STATUS_RUNNING: "running",
  RUN_STATUS_CANCELLING: "cancelling",
  RUN_STATUS_SUCCEEDED: "succeeded",
  RUN_STATUS_FAILED: "failed",
  RUN_STATUS_CANCELLED: "cancelled",
  RUN_STATUS_INTERRUPTED: "interrupted",
  RUN_STATUS_LOCK_LOST: "lock lost",
};

const ACTIVE = new Set<RunStatus>(["RUN_STATUS_WAITING", "RUN_STATUS_RUNNING", "RUN_STATUS_CANCELLING"]);

export function isOver(status: RunStatus): boolean {
  return !ACTIVE.has(status);
}

export function statusWord(status: RunStatus): string {
  return WORDS[status] ?? "unknown";
}

export function operationWord(operation: Operation): string {
  return operation.replace("OPERATION_", "").replace("_", " ").toLowerCase();
}
