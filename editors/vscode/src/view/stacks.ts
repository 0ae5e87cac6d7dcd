// The tree of contexts, stacks, environments and components, with their health and who holds which lock.
import { EventEmitter, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState, window, type Disposable, type TreeDataProvider } from "vscode";

import type { ComponentHealth__Output } from "../../generated/deployer/v1/ComponentHealth";
import type { Context__Output } from "../../generated/deployer/v1/Context";
import type { Lock__Output } from "../../generated/deployer/v1/Lock";
import { place, type Place } from "../model/place";
import type { Platform } from "../model/platform";
import { operationWord, statusWord } from "../model/runs";
import type { LocalStacks } from "../model/local";
import { printable } from "../tell/plain";
import type { Health } from "./health";

export type StackNode =
  | { kind: "context"; context: Context__Output }
  | { kind: "stack"; stack: string }
  | ({ kind: "environment"; file?: string } & Place)
  | { kind: "component"; of: Place; health: ComponentHealth__Output }
  | { kind: "note"; text: string; icon: string };

export class StacksView implements TreeDataProvider<StackNode>, Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view = window.createTreeView("deployer.stacks", { treeDataProvider: this, showCollapseAll: true });
  private readonly subscriptions: Disposable[];
  /** When the first whole tree was drawn. */
  readonly drawn: Promise<void>;

  constructor(
    private readonly platform: Platform,
    private readonly local: LocalStacks,
    private readonly health: Health,
    /** Until then the first tree is waited for, rather than drawn empty and drawn again. */
    private readonly first: () => Promise<void>,
  ) {
    this.subscriptions = [platform, local, health].map((it) => it.onDidChange(() => this.changed.fire()));
    this.drawn = new Promise((resolve) => (this.firstDrawn = resolve));
  }

  private firstDrawn: () => void = () => undefined;

  getTreeItem(node: StackNode): TreeItem {
    switch (node.kind) {
      case "context":
        return contextItem(node.context);
      case "stack":
        return stackItem(node.stack, this.local.stacks.get(node.stack)?.file);
      case "environment":
        return environmentItem(node, this.platform, this.health);
      case "component":
        return componentItem(node.of, node.health);
      case "note":
        return noteItem(node.text, node.icon);
    }
  }

  async getChildren(node?: StackNode): Promise<StackNode[]> {
    if (!node) {
      await this.first();
      return this.roots();
    }
    switch (node.kind) {
      case "context":
        return this.stacks();
      case "stack":
        return this.environments(node.stack);
      case "environment":
        return this.components(node);
      default:
        return [];
    }
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    this.view.dispose();
    this.changed.dispose();
  }

  private roots(): StackNode[] {
    if (!this.platform.loaded) return [];
    const contexts = [...this.platform.contexts].sort((a, b) => rank(a) - rank(b));
    const trouble = this.platform.trouble;
    const notes: StackNode[] = trouble ? [{ kind: "note", text: trouble.message, icon: "warning" }] : [];
    this.firstDrawn();
    return [...notes, ...contexts.map((context): StackNode => ({ kind: "context", context }))];
  }

  private stacks(): StackNode[] {
    const names = new Set([...this.platform.stacks.map((row) => row.stack), ...this.local.stacks.keys()]);
    if (names.size === 0) return [{ kind: "note", text: "no stacks yet", icon: "info" }];
    return [...names].sort().map((stack) => ({ kind: "stack", stack }));
  }

  private environments(stack: string): StackNode[] {
    const local = this.local.stacks.get(stack);
    const stored = this.platform.stacks.filter((row) => row.stack === stack).map((row) => row.environment);
    const names = [...new Set([...(local?.environments ?? []), ...stored])];
    return names.map((environment) => ({ kind: "environment", stack, environment, file: local?.file }));
  }

  private async components(of: Place): Promise<StackNode[]> {
    const known = this.health.of(of) ?? (await this.health.look(of));
    if (typeof known === "string") return [{ kind: "note", text: known, icon: "warning" }];
    if (known.length === 0) return [{ kind: "note", text: "nothing is deployed", icon: "circle-outline" }];
    return known.map((health) => ({ kind: "component", of, health }));
  }
}

/** The tenant that is worked for stands first. */
function rank(context: Context__Output): number {
  return (context.current ? 0 : 2) + (context.mode === "MODE_TENANT" ? 0 : 1);
}

function contextItem(context: Context__Output): TreeItem {
  const opens = context.current && context.signedIn && context.mode === "MODE_TENANT";
  const item = new TreeItem(context.name.split("@")[0] ?? context.name, opens ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.None);
  item.id = `context ${context.name}`;
  item.description = [context.backend?.address, context.current ? "current" : "", context.signedIn ? "" : "signed out"].filter(Boolean).join(" · ");
  item.tooltip = context.signedIn ? `${context.name}\nsigned in until ${context.expires}` : context.name;
  item.contextValue = context.signedIn ? "context.signedIn" : "context";
  item.iconPath = new ThemeIcon(context.mode === "MODE_ADMIN" ? "shield" : "account", context.signedIn ? undefined : new ThemeColor("disabledForeground"));
  return item;
}

function stackItem(stack: string, file: string | undefined): TreeItem {
  const item = new TreeItem(printable(stack), TreeItemCollapsibleState.Expanded);
  item.tooltip = file;
  item.id = `stack ${stack}`;
  item.iconPath = new ThemeIcon("layers");
  item.contextValue = "stack";
  return item;
}

function environmentItem(of: Place, platform: Platform, health: Health): TreeItem {
  const item = new TreeItem(printable(of.environment), TreeItemCollapsibleState.Collapsed);
  const lock = platform.lock(of);
  const run = platform.activeRuns.find((it) => place(it) === place(of));
  const row = platform.stacks.find((it) => place(it) === place(of));
  item.id = `environment ${place(of)}`;
  item.contextValue = lock ? "environment.locked" : "environment";
  const parts = [
    lock && `locked by ${lock.lockedBy}, ${standing(lock)}`,
    run && `${operationWord(run.operation)} ${statusWord(run.status)}`,
    row ? row.status : "not deployed",
  ];
  item.description = printable(parts.filter(Boolean).join(" · "));
  item.tooltip = lock ? lockText(lock) : undefined;
  item.iconPath = environmentIcon(lock, run !== undefined, row?.status ?? "", health.isHealthy(of));
  return item;
}

function environmentIcon(lock: Lock__Output | undefined, runs: boolean, status: string, healthy: boolean | undefined): ThemeIcon {
  if (lock?.holderState === "LOST") return new ThemeIcon("error", new ThemeColor("errorForeground"));
  if (runs) return new ThemeIcon("sync~spin");
  if (lock) return new ThemeIcon("lock", lock.looksAlive ? undefined : new ThemeColor("errorForeground"));
  if (status === "failed" || healthy === false) return new ThemeIcon("warning", new ThemeColor("problemsWarningIcon.foreground"));
  if (healthy) return new ThemeIcon("pass", new ThemeColor("testing.iconPassed"));
  return new ThemeIcon(status === "deployed" ? "vm-active" : "vm-outline");
}

/** Whether a lock's holder lives. */
export function standing(lock: Lock__Output): string {
  if (lock.holderState === "LOST") return "LOST";
  if (lock.holderState && lock.holderState !== "HELD") return lock.holderState;
  return lock.looksAlive ? "alive" : "dead";
}

function lockText(lock: Lock__Output): string {
  const lines = [
    `locked by ${lock.lockedBy}${lock.host ? ` on ${lock.host}` : ""}`,
    `for ${lock.operation}${lock.run ? `, run ${lock.run}` : ""}`,
    `since ${lock.lockedAt}`,
    `${standing(lock)}${lock.ours ? ", held by this computer's daemon" : ""}`,
  ];
  return lines.map(printable).join("\n");
}

const HEALTH_ICONS: Record<string, [icon: string, color: string]> = {
  Healthy: ["pass", "testing.iconPassed"],
  Degraded: ["warning", "problemsWarningIcon.foreground"],
  Missing: ["error", "errorForeground"],
  Drifted: ["diff", "problemsWarningIcon.foreground"],
};

function componentItem(of: Place, health: ComponentHealth__Output): TreeItem {
  const item = new TreeItem(health.component, TreeItemCollapsibleState.None);
  const [icon, color] = HEALTH_ICONS[health.health] ?? ["question", "foreground"];
  item.id = `component ${place(of)} ${health.component}`;
  item.description = printable([health.health, health.reason, health.type].filter(Boolean).join(" · "));
  item.tooltip = printable(health.reason || health.health);
  item.contextValue = "component";
  item.iconPath = new ThemeIcon(icon, new ThemeColor(color));
  return item;
}

function noteItem(text: string, icon: string): TreeItem {
  const item = new TreeItem(printable(text), TreeItemCollapsibleState.None);
  item.iconPath = new ThemeIcon(icon);
  item.tooltip = text.split("\n").map(printable).join("\n");
  return item;
}
