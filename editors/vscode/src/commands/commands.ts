// The commands, and what each is given: a lens's place, a tree's node, or nothing, so that it asks.
import { commands, window, workspace, type Disposable, type Memento } from "vscode";

import type { CancelRunResponse__Output } from "../../generated/deployer/v1/CancelRunResponse";
import type { InitStackResponse__Output } from "../../generated/deployer/v1/InitStackResponse";
import type { LogoutResponse__Output } from "../../generated/deployer/v1/LogoutResponse";
import type { OutputsResponse__Output } from "../../generated/deployer/v1/OutputsResponse";
import type { Run__Output } from "../../generated/deployer/v1/Run";
import type { UseContextResponse__Output } from "../../generated/deployer/v1/UseContextResponse";
import type { Daemon } from "../daemon/daemon";
import type { LocalStacks } from "../model/local";
import type { Platform } from "../model/platform";
import { place } from "../model/place";
import { operationWord } from "../model/runs";
import type { FollowedRuns } from "../runs/followed";
import { login } from "../sign-in/login";
import type { StatusBar } from "../status/bar";
import { askText, attempt, inform, interrupt, warn } from "../tell/tell";
import type { ApprovalNode } from "../view/approvals";
import type { Health } from "../view/health";
import type { RunNode, RunsView } from "../view/runs";
import type { StackNode } from "../view/stacks";
import type { Approving } from "./approve";
import { choose, type Given } from "./ask";
import type { Deploy, Wanted } from "./deploy";
import { unlock } from "./unlock";

export interface Parts {
  daemon: Daemon;
  platform: Platform;
  local: LocalStacks;
  followed: FollowedRuns;
  health: Health;
  runsView: RunsView;
  statusBar: StatusBar;
  deploy: Deploy;
  approving: Approving;
  memory: Memento;
}

/** Where the chosen environment is remembered, in the workspace. */
const ENVIRONMENT = "environment";

/** The environment that the workspace works in; empty where none is chosen. */
export function chosenEnvironment(memory: Memento): string {
  return memory.get<string>(ENVIRONMENT, "");
}

export function registerCommands(parts: Parts): Disposable[] {
  const { daemon, platform, local, deploy, approving } = parts;
  const register = <A>(name: string, what: string, run: (given?: A) => Promise<unknown>) =>
    commands.registerCommand(`deployer.${name}`, (given?: A) => attempt(what, () => run(given)));
  /** A command about an environment. */
  const about = (name: string, what: string, run: (of: Wanted) => Promise<unknown>) =>
    register<Given>(name, what, async (given) => {
      const of = await wanted(parts, given);
      if (of) await run(of);
    });

  return [
    register("startDaemon", "Cannot start the daemon", () => daemon.connected()),
    register("refresh", "Cannot refresh", async () => {
      await daemon.connected();
      parts.health.forget();
      await Promise.all([local.load(), platform.load()]);
    }),
    register("login", "Cannot sign in", async () => {
      await daemon.connected();
      const session = await login(daemon, platform.contexts);
      if (session) void inform(`Signed in as ${session.tenant?.id}. Session saved to ${session.savedTo}`);
      session?.warnings.forEach((warning) => void warn(warning));
    }),
    register<StackNode>("logout", "Cannot sign out", (node) => logout(parts, node)),
    register<StackNode>("useContext", "Cannot use the context", (node) => useContext(parts, node)),
    register("selectEnvironment", "Cannot select the environment", () => selectEnvironment(parts)),
    register("newStack", "Cannot write a stack", () => newStack(parts)),
    about("plan", "Cannot plan", (of) => deploy.plan(of)),
    about("apply", "Cannot apply", (of) => deploy.apply(of)),
    about("destroy", "Cannot destroy", (of) => deploy.destroy(of)),
    about("rollback", "Cannot roll back", (of) => deploy.rollback(of)),
    about("status", "Cannot look at the health", async (of) => {
      const found = await parts.health.look(of);
      const bad = typeof found === "string" ? found : found.filter((it) => it.health !== "Healthy").map((it) => `${it.component} ${it.health}`).join(", ");
      if (bad) void warn(`${place(of)}: ${bad}`);
      else void inform(`${place(of)}: all resources healthy`);
    }),
    about("outputs", "Cannot show the outputs", (of) => showOutputs(parts, of)),
    about("unlock", "Cannot unlock", (of) => unlock(daemon, of)),
    register<RunNode>("attach", "Cannot attach", (node) => attach(parts, node)),
    register<RunNode>("cancel", "Cannot cancel", (node) => cancel(parts, node)),
    register<ApprovalNode>("approve", "Cannot approve", async (node) => {
      const run = node?.approval.run ?? (await chooseApproval(platform));
      if (run) await approving.approve(run);
    }),
    register<ApprovalNode>("reject", "Cannot reject", async (node) => {
      const run = node?.approval.run ?? (await chooseApproval(platform));
      if (run) await approving.reject(run);
    }),
    register("showLost", "Cannot show it", async () => {
      const losses = parts.statusBar.acknowledge().join(", ");
      await interrupt(
        `The lock of ${losses} was lost: another holder has it now. Commands were ended, nothing more was started.`,
        "The next apply goes on from what was recorded. The runs view tells what was done.",
      );
    }),
  ];
}

async function wanted(parts: Parts, given: Given | undefined): Promise<Wanted | undefined> {
  const { platform, local, memory } = parts;
  const names = [...new Set([...local.stacks.keys(), ...platform.stacks.map((row) => row.stack)])].sort();
  const stack = given?.stack ?? (await choose("Which stack?", names));
  if (!stack) {
    if (names.length === 0) void inform("There is no stack yet: write one with “deployer: Write a new stack”");
    return undefined;
  }
  const stored = platform.stacks.filter((row) => row.stack === stack).map((row) => row.environment);
  const environments = [...new Set([...(local.stacks.get(stack)?.environments ?? []), ...stored])];
  const remembered = chosenEnvironment(memory);
  const environment = given?.environment ?? (environments.includes(remembered) ? remembered : await choose("Which environment?", environments));
  return environment ? { stack, environment, file: given?.file ?? local.stacks.get(stack)?.file } : undefined;
}

async function selectEnvironment({ local, platform, memory, statusBar }: Parts): Promise<void> {
  const all = [...local.stacks.values()].flatMap((stack) => stack.environments).concat(platform.stacks.map((row) => row.environment));
  const ask = "Ask each time";
  const chosen = await window.showQuickPick([...new Set(all)].concat(ask), { title: "Work in which environment?" });
  if (!chosen) return;
  await memory.update(ENVIRONMENT, chosen === ask ? undefined : chosen);
  statusBar.draw();
}

async function logout({ daemon, platform }: Parts, node: StackNode | undefined): Promise<void> {
  const name = node?.kind === "context" ? node.context.name : platform.tenant?.name;
  const context = daemon.lend({ cwd: "/", context: name });
  const { contextName } = await daemon.ask<LogoutResponse__Output>((it, ...how) => it.sessions.Logout({ context, mode: "MODE_TENANT" }, ...how));
  void inform(contextName ? `Signed out of ${contextName}` : "Nobody was signed in");
}

async function useContext({ daemon, platform }: Parts, node: StackNode | undefined): Promise<void> {
  const name = node?.kind === "context" ? node.context.name : await choose("Use which context?", platform.contexts.map((it) => it.name));
  if (!name) return;
  const request = { context: daemon.lend({ cwd: "/" }), name };
  await daemon.ask<UseContextResponse__Output>((it, ...how) => it.contexts.Use(request, ...how));
}

async function newStack({ daemon, local }: Parts): Promise<void> {
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (!folder) throw new Error("open a folder first");
  const name = await askText({ title: "Write a new stack", prompt: "Its name: NAME/stack.yaml is written" });
  if (!name) return;
  const request = { context: daemon.lend({ cwd: folder }), name };
  const { file } = await daemon.ask<InitStackResponse__Output>((it, ...how) => it.stacks.Init(request, ...how));
  await local.load();
  await window.showTextDocument(await workspace.openTextDocument(file));
}

async function showOutputs({ daemon }: Parts, of: Wanted): Promise<void> {
  const request = { context: daemon.lend({ cwd: "/" }), target: { stack: of.stack, environment: of.environment } };
  const { outputs } = await daemon.ask<OutputsResponse__Output>((it, ...how) => it.stacks.Outputs(request, ...how));
  const items = outputs.map((it) => ({ label: `${it.component}.${it.name}`, description: it.sensitive ? "(sensitive)" : it.value }));
  await window.showQuickPick(items, { title: items.length > 0 ? `Outputs of ${place(of)}` : `${place(of)} has no outputs` });
}

async function attach({ followed, platform, runsView }: Parts, node: RunNode | undefined): Promise<void> {
  const run = node?.run ?? (await chooseRun([...platform.runs.values()].reverse()));
  if (!run) return;
  followed.show(run);
  // Its end is told elsewhere; here is only whether it could be attached to.
  const following = followed.follow(run, true);
  await runsView.reveal(run.id);
  await following;
}

async function cancel({ daemon, platform }: Parts, node: RunNode | undefined): Promise<void> {
  const run = node?.run ?? (await chooseRun(platform.activeRuns));
  if (!run) return;
  const request = { context: daemon.lend({ cwd: "/" }), id: run.id };
  await daemon.ask<CancelRunResponse__Output>((it, ...how) => it.runs.Cancel(request, ...how));
}

async function chooseRun(runs: Run__Output[]): Promise<Run__Output | undefined> {
  if (runs.length <= 1) return runs[0];
  const items = runs.map((run) => ({ label: `${operationWord(run.operation)} ${place(run)}`, description: `${run.id} ${run.actor}`, run }));
  return (await window.showQuickPick(items, { title: "Which run?" }))?.run;
}

async function chooseApproval(platform: Platform): Promise<string | undefined> {
  const items = platform.approvals.map((it) => ({ label: `${operationWord(it.operation)} ${place(it)}`, description: it.requestedBy, run: it.run }));
  if (items.length <= 1) return items[0]?.run;
  return (await window.showQuickPick(items, { title: "Which request?" }))?.run;
}
