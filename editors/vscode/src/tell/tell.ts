// What people are told and asked. Every message, prompt and progress of the extension goes this way: none carries a link of somebody else's.
import { ProgressLocation, window, type CancellationToken, type InputBoxOptions } from "vscode";

import { failure } from "../daemon/report";
import { unlinked } from "./plain";

/** Says something good; answers the button that was pressed. */
export async function inform(message: string, ...buttons: string[]): Promise<string | undefined> {
  return window.showInformationMessage(unlinked(message), ...buttons);
}

/** Says something doubtful; answers the button that was pressed. */
export async function warn(message: string, ...buttons: string[]): Promise<string | undefined> {
  return window.showWarningMessage(unlinked(message), ...buttons);
}

/** Says something bad; answers the button that was pressed. */
export async function complain(message: string, ...buttons: string[]): Promise<string | undefined> {
  return window.showErrorMessage(unlinked(message), ...buttons);
}

/** Says something that cannot be overlooked; answers the button that was pressed. */
export async function interrupt(message: string, detail: string, ...buttons: string[]): Promise<string | undefined> {
  const show = buttons.length > 0 ? window.showWarningMessage : window.showErrorMessage;
  return show<string>(unlinked(message), { modal: true, detail: unlinked(detail) }, ...buttons);
}

/** Asks for a text, and waits until it is given. */
export async function askText(options: InputBoxOptions & { prompt: string }): Promise<string | undefined> {
  return window.showInputBox({ ...options, title: options.title && unlinked(options.title), prompt: unlinked(options.prompt), ignoreFocusOut: true });
}

/** Shows that something takes its time, with its steps. */
export async function meanwhile<T>(title: string, work: (step: (name: string) => void) => Promise<T>): Promise<T> {
  const how = { location: ProgressLocation.Notification, title: unlinked(title) };
  return window.withProgress(how, (progress) => work((name) => progress.report({ message: unlinked(name) })));
}

/** The same with a button that gives it up; answers nothing where it was pressed. */
export async function unlessGivenUp<T>(title: string, work: (given: CancellationToken) => Promise<T>): Promise<T | undefined> {
  const how = { location: ProgressLocation.Notification, title: unlinked(title), cancellable: true };
  return window.withProgress(how, async (_progress, token) => {
    try {
      return await work(token);
    } catch (error) {
      if (token.isCancellationRequested) return undefined;
      throw error;
    }
  });
}

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
  const chosen = await complain(`${what}: ${message}${hint ? `; ${hint}` : ""}`, ...more);
  if (chosen) await interrupt(what, lines.join("\n"));
}
