// The requests that wait for another person.
import { EventEmitter, ThemeIcon, TreeItem, window, type Disposable, type TreeDataProvider } from "vscode";

import type { Approval__Output } from "../../generated/deployer/v1/Approval";
import { place } from "../model/place";
import type { Platform } from "../model/platform";
import { operationWord } from "../model/runs";
import { printable } from "../tell/plain";

export type ApprovalNode = { approval: Approval__Output };

export class ApprovalsView implements TreeDataProvider<ApprovalNode>, Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view = window.createTreeView("deployer.approvals", { treeDataProvider: this });
  private readonly subscription: Disposable;

  constructor(private readonly platform: Platform) {
    this.subscription = platform.onDidChange(() => this.draw());
  }

  getTreeItem({ approval }: ApprovalNode): TreeItem {
    const item = new TreeItem(`${operationWord(approval.operation)} ${place(approval)}`);
    item.id = `approval ${approval.run}`;
    item.description = printable(`asked by ${approval.requestedBy}`);
    item.tooltip = [`run ${approval.run}`, `asked by ${approval.requestedBy} (${approval.requestedPrincipal})`, `until ${approval.expires}`].map(printable).join("\n");
    item.iconPath = new ThemeIcon("question");
    item.contextValue = "approval";
    return item;
  }

  getChildren(node?: ApprovalNode): ApprovalNode[] {
    return node ? [] : this.platform.approvals.map((approval) => ({ approval }));
  }

  dispose(): void {
    this.subscription.dispose();
    this.view.dispose();
    this.changed.dispose();
  }

  private draw(): void {
    const waiting = this.platform.approvals.length;
    this.view.badge = waiting > 0 ? { value: waiting, tooltip: `${waiting} to approve` } : undefined;
    this.changed.fire();
  }
}
