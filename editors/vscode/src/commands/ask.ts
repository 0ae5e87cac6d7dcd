// What commands ask people: which stack and environment, which values, whether they are sure.
import { window } from "vscode";

import type { HistoryRow__Output } from "../../generated/deployer/v1/HistoryRow";
import type { ShowStackResponse__Output } from "../../generated/deployer/v1/ShowStackResponse";
import type { Place } from "../model/place";
import { askText, interrupt, warn } from "../tell/tell";

/** What a command may be given by a lens or a tree. */
export interface Given {
  stack?: string;
  environment?: string;
  file?: string;
}

/** Asks for one of several; the only one is not asked for. */
export async function choose(title: string, names: string[]): Promise<string | undefined> {
  if (names.length <= 1) return names[0];
  return window.showQuickPick(names, { title });
}

/** Asks for the values of variables that have none. Values of sensitive ones are kept nowhere. */
export async function askVariables(shown: ShowStackResponse__Output, remembered: Map<string, string>): Promise<Record<string, string> | undefined> {
  const values: Record<string, string> = {};
  for (const variable of shown.variables.filter((it) => it.required)) {
    const key = `${shown.name} ${variable.name}`;
    const value = await askText({
      title: `${shown.name}: ${variable.name}`,
      prompt: variable.description || "A variable without a default; leave it empty where the environment sets it",
      password: variable.sensitive,
      value: variable.sensitive ? "" : (remembered.get(key) ?? ""),
    });
    if (value === undefined) return undefined;
    if (!variable.sensitive) remembered.set(key, value);
    if (value) values[variable.name] = value;
  }
  return values;
}

/** Asks beside a plan, which can be read, scrolled and searched until the answer is given. */
export async function confirmPlan(question: string, detail: string, yes: string): Promise<boolean> {
  return (await warn(`${question} ${detail}`, yes, "Not now")) === yes;
}

/** Asks in a way that cannot be overlooked. */
export async function confirm(question: string, detail: string, yes: string): Promise<boolean> {
  return (await interrupt(question, detail, yes)) === yes;
}

/** Asks for the stack's name, as the terminal does before it destroys. */
export async function confirmByName(of: Place): Promise<boolean> {
  const typed = await askText({
    title: `Destroy ${of.stack}/${of.environment}`,
    prompt: `Type ${of.stack} to destroy what is deployed. Data is kept.`,
    validateInput: (text) => (text === of.stack || text === "" ? undefined : `This is not ${of.stack}`),
  });
  return typed === of.stack;
}

/** Asks which run of the history to go back to. */
export async function askRun(rows: HistoryRow__Output[]): Promise<number | undefined> {
  const good = rows.filter((row) => row.result === "succeeded" && row.operation !== "OPERATION_DESTROY");
  const items = good.map((row) => ({
    label: `#${row.number}`,
    description: [row.started, row.actor, row.gitCommit.slice(0, 8), row.why].filter(Boolean).join(" · "),
    number: row.number,
  }));
  if (items.length === 0) throw new Error("there is no run to go back to");
  return (await window.showQuickPick(items, { title: "Go back to which run?" }))?.number;
}
