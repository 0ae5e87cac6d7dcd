// Taking a lock away from a holder that is dead, with a reason that is recorded.
import type { UnlockEvent__Output } from "../../generated/deployer/v1/UnlockEvent";
import { hear } from "../daemon/connection";
import type { Daemon } from "../daemon/daemon";
import { failure } from "../daemon/report";
import { place, type Place } from "../model/place";
import { askText, inform, meanwhile } from "../tell/tell";
import { confirm } from "./ask";

export async function unlock(daemon: Daemon, of: Place): Promise<void> {
  const reason = await askText({
    title: `Unlock ${place(of)}`,
    prompt: "Why? It is recorded in the audit",
    validateInput: (text) => (text.trim() ? undefined : "A reason is needed"),
  });
  if (!reason) return;
  try {
    await take(daemon, of, reason, false);
  } catch (error) {
    const failed = failure(error);
    if (failed.reason !== "LOCK_HELD") throw error;
    const detail = `${failed.lines.join("\n")}\n\nWhoever holds it loses it in the middle of their work.`;
    if (await confirm(`The holder of ${place(of)} is alive. Take the lock all the same?`, detail, "Take it")) await take(daemon, of, reason, true);
  }
}

async function take(daemon: Daemon, of: Place, reason: string, evenIfAlive: boolean): Promise<void> {
  const connection = await daemon.connected();
  const target = { stack: of.stack, environment: of.environment };
  const title = `Unlocking ${place(of)}${evenIfAlive ? "" : ": watching its holder for 25 s"}`;
  await meanwhile(title, async (step) => {
    daemon.calls += 1;
    const stream = connection.locks.Unlock({ context: daemon.lend({ cwd: "/" }), target, reason, evenIfAlive });
    await hear<UnlockEvent__Output>(stream, (event) => {
      if (event.step) step(event.step.name);
      if (event.done) void inform(`${place(of)} is unlocked; it was held by ${event.done.wasHeldBy}`);
    });
  });
}
