// Joins the rooms: the daemon, what is known, what is shown, what can be done.
import { commands, workspace, type ExtensionContext } from "vscode";

import { Approving } from "./commands/approve";
import { chosenEnvironment, registerCommands } from "./commands/commands";
import { Deploy } from "./commands/deploy";
import { Daemon } from "./daemon/daemon";
import { Lenses } from "./lenses/lenses";
import { LocalStacks } from "./model/local";
import { Platform } from "./model/platform";
import { Notifications } from "./notify/notify";
import { PlanDocuments } from "./plan/document";
import { Problems } from "./problems/problems";
import { FollowedRuns } from "./runs/followed";
import { StatusBar } from "./status/bar";
import { attempt } from "./tell/tell";
import { ApprovalsView } from "./view/approvals";
import { Health } from "./view/health";
import { RunsView } from "./view/runs";
import { StacksView } from "./view/stacks";
import { Watch } from "./watch/watch";

/** What tests see of the extension: nothing that could steer it. */
export interface Api {
  /** How many calls were made to the daemon. */
  calls(): number;
  /** Resolves when all is known that the first tree shows; answers how long that took since the activation, in milliseconds. */
  known: Promise<number>;
  /** Resolves when the first tree is drawn; answers how long that took since the activation, in milliseconds. */
  drawn: Promise<number>;
}

export function activate(context: ExtensionContext): Api {
  const began = performance.now();
  const settings = <T>(name: string, otherwise: T) => workspace.getConfiguration("deployer").get<T>(name, otherwise);
  const version = (context.extension.packageJSON as { version: string }).version;
  const daemon = new Daemon({ environment: process.env, program: () => settings("path", ""), client: `vscode-deployer/${version}` });
  const watch = new Watch(daemon, () => settings("lookSeconds", 60));
  const platform = new Platform(daemon, watch);
  const local = new LocalStacks();
  const followed = new FollowedRuns(daemon, platform);
  const health = new Health(daemon, platform, (of) => local.directoryOf(of));
  const connect = () => (settings("startDaemon", true) ? attempt("Cannot start the daemon", () => daemon.connected()) : daemon.connectIfThere());
  // Once: whoever stops the daemon afterwards has it stopped.
  let connecting: Promise<void> | undefined;
  const begin = () => (connecting ??= connect().then(() => (daemon.isThere ? platform.firstLoad : undefined)));
  const stacks = new StacksView(platform, local, health, begin);
  const runsView = new RunsView(platform, followed);
  const plans = new PlanDocuments();
  const statusBar = new StatusBar(daemon, platform, () => chosenEnvironment(context.workspaceState));
  const deploy = new Deploy({ daemon, local, plans, runs: followed, reveal: (id) => runsView.reveal(id) });
  const approving = new Approving(daemon, plans);
  const notifications = new Notifications(platform, {
    showRun: (run) => followed.show(run),
    approve: (run) => void attempt("Cannot approve", () => approving.approve(run)),
  });
  const memory = context.workspaceState;
  const parts = { daemon, platform, local, followed, health, runsView, statusBar, deploy, approving, memory };
  const state = (connected: boolean) => void commands.executeCommand("setContext", "deployer.state", connected ? "connected" : "absent");

  context.subscriptions.push(
    ...registerCommands(parts),
    watch.onDidRefuse((failed) => {
      void attempt("Cannot follow what changes", () => Promise.reject(failed));
      void platform.load();
    }),
    workspace.onDidChangeConfiguration((changed) => changed.affectsConfiguration("deployer.lookSeconds") && watch.again()),
    daemon.onDidChange((connection) => state(connection !== undefined)),
    new Problems(daemon),
    new Lenses(),
    new ApprovalsView(platform),
    ...[notifications, statusBar, runsView, stacks, health, followed, local, plans, platform, watch, daemon],
  );
  state(false);
  // A daemon that runs is met while the editor still gets ready to draw.
  void daemon.connectIfThere();
  // A file of this name may be another program's: it is no reason to start anything.
  void local.load().then(() => (local.stacks.size > 0 ? begin() : undefined));
  const since = () => performance.now() - began;
  return { calls: () => daemon.calls, known: platform.firstLoad.then(since), drawn: stacks.drawn.then(since) };
}
