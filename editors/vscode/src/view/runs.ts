// The tree of runs: what each does now, component by component, with the engine's reasons.
import { EventEmitter, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState, window, type Disposable, type TreeDataProvider } from "vscode";

import type { Run__Output } from "../../generated/deployer/v1/Run";
import { place } from "../model/place";
import type { Platform } from "../model/platform";
import { isOver, operationWord, statusWord } from "../model/runs";
import type { FollowedRuns } from "../runs/followed";
import type { ComponentProgress, ComponentState, RunProgress } from "../runs/run";
import { printable } from "../tell/plain";

export type RunNode = { run: Run__Output; component?: ComponentProgress };

/** The tree is drawn at most so often, in milliseconds, however much an engine has to tell. */
const CALM = 100;

export class RunsView implements TreeDataProvider<RunNode>, Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view = window.createTreeView("deployer.runs", { treeDataProvider: this });
  private readonly subscriptions: Disposable[];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly followed: FollowedRuns,
  ) {
    this.subscriptions = [platform.onDidChange(() => this.soon()), followed.onDidChange(() => this.soon())];
  }

  getTreeItem({ run, component }: RunNode): TreeItem {
    return component ? componentItem(run, component) : this.runItem(run);
  }

  getChildren(node?: RunNode): RunNode[] {
    if (!node) {
      const runs = [...this.platform.runs.values()].sort((a, b) => b.id.localeCompare(a.id));
      return runs.map((run) => ({ run }));
    }
    if (node.component) return [];
    const components = this.followed.progress(node.run.id)?.components.values() ?? [];
    return [...components].map((component) => ({ run: node.run, component }));
  }

  getParent({ run, component }: RunNode): RunNode | undefined {
    return component ? { run } : undefined;
  }

  /** Shows a run in the tree. */
  async reveal(id: string): Promise<void> {
    const run = this.platform.runs.get(id);
    // A tree that was not drawn yet shows it by itself.
    if (run) await Promise.resolve(this.view.reveal({ run }, { expand: true, select: true, focus: false })).catch(() => undefined);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.forEach((it) => it.dispose());
    this.view.dispose();
    this.changed.dispose();
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.fire();
    }, CALM);
  }

  private runItem(run: Run__Output): TreeItem {
    const progress = this.followed.progress(run.id);
    const item = new TreeItem(`${operationWord(run.operation)} ${place(run)}`, openness(run, progress));
    item.id = `run ${run.id}`;
    item.description = printable([statusWord(run.status), progress?.note, run.actor].filter(Boolean).join(" · "));
    const facts = [run.id, `${run.actor} on ${run.host}`, `started ${run.started}`, run.ended && `ended ${run.ended}`, run.message];
    item.tooltip = facts.filter(Boolean).map(printable).join("\n");
    item.contextValue = isOver(run.status) ? "run" : "run.active";
    item.iconPath = runIcon(run);
    item.command = { command: "deployer.attach", title: "Attach", arguments: [{ run }] };
    return item;
  }
}

/** An active run is open from its first moment: a row that had nothing inside would not open by itself later. */
function openness(run: Run__Output, progress: RunProgress | undefined): TreeItemCollapsibleState {
  if (!isOver(run.status)) return TreeItemCollapsibleState.Expanded;
  return progress && progress.components.size > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None;
}

function runIcon(run: Run__Output): ThemeIcon {
  switch (run.status) {
    case "RUN_STATUS_SUCCEEDED":
      return new ThemeIcon("pass", new ThemeColor("testing.iconPassed"));
    case "RUN_STATUS_WAITING":
      return new ThemeIcon("clock");
    case "RUN_STATUS_RUNNING":
    case "RUN_STATUS_CANCELLING":
      return new ThemeIcon("sync~spin");
    case "RUN_STATUS_CANCELLED":
      return new ThemeIcon("circle-slash");
    default:
      return new ThemeIcon("error", new ThemeColor("errorForeground"));
  }
}

const ICONS: Record<ComponentState, [icon: string, color?: string]> = {
  "not started": ["circle-outline"],
  running: ["sync~spin"],
  succeeded: ["pass", "testing.iconPassed"],
  failed: ["error", "errorForeground"],
  skipped: ["debug-step-over"],
  cancelled: ["circle-slash"],
};

function componentItem(run: Run__Output, component: ComponentProgress): TreeItem {
  const item = new TreeItem(component.id, TreeItemCollapsibleState.None);
  const [icon, color] = ICONS[component.state] ?? ["question"];
  item.id = `run ${run.id} ${component.id}`;
  const took = component.milliseconds >= 100 ? `${(component.milliseconds / 1000).toFixed(1)} s` : "";
  const state = component.state === "not started" ? "[not started]" : component.state;
  item.description = [component.action, state, printable(component.message), took].filter(Boolean).join(" · ");
  item.tooltip = printable(component.message) || undefined;
  item.iconPath = new ThemeIcon(icon, color ? new ThemeColor(color) : undefined);
  item.contextValue = "runComponent";
  return item;
}
