// Tells people what failed: the message at once, everything else where they ask for it.
import { window } from "vscode";

import { failure } from "../daemon/report";
import { printable } from "../runs/output";

/** Does something and tells why it failed, if it did. */
export async function attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    // Whoever waits for the work does not wait until the message is closed.
    void failed(what, error);
    return undefined;
  }
}

async function failed(what: string, error: unknown): Promise<void> {
  const { message, lines, report } = failure(error);
  const hint = report?.hints[0];
  const more = lines.length > 1 ? ["Details"] : [];
  const chosen = await window.showErrorMessage(`${what}: ${message}${hint ? `. ${hint}` : ""}`, ...more);
  if (chosen) await window.showErrorMessage(what, { modal: true, detail: lines.map(printable).join("\n") });
}
