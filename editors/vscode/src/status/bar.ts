// The status bar: whose context, which environment, what runs, and in red which lock is lost.
import { StatusBarAlignment, ThemeColor, window, type Disposable } from "vscode";

import type { LockChanged__Output } from "../../generated/deployer/v1/LockChanged";
import type { Daemon } from "../daemon/daemon";
import { place } from "../model/place";
import type { Platform } from "../model/platform";
import { operationWord, statusWord } from "../model/runs";

export class StatusBar implements Disposable {
  private readonly context = window.createStatusBarItem("deployer.context", StatusBarAlignment.Left, 50);
  private readonly run = window.createStatusBarItem("deployer.run", StatusBarAlignment.Left, 49);
  private readonly lost = window.createStatusBarItem("deployer.lost", StatusBarAlignment.Left, 51);
  /** The locks that were lost and that nobody has looked at yet. */
  private readonly losses = new Set<string>();
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly daemon: Daemon,
    private readonly platform: Platform,
    private readonly environment: () => string,
  ) {
    this.context.name = "deployer: context";
    this.run.name = "deployer: run";
    this.lost.name = "deployer: lost lock";
    this.lost.backgroundColor = new ThemeColor("statusBarItem.errorBackground");
    this.lost.command = "deployer.showLost";
    this.run.command = "deployer.runs.focus";
    this.subscriptions = [
      platform.onDidChange(() => this.draw()),
      platform.onDidChangeLock((lock) => this.heard(lock)),
      daemon.onDidChange(() => this.draw()),
    ];
    this.draw();
  }

  /** Somebody has looked at it. */
  acknowledge(): string[] {
    const losses = [...this.losses];
    this.losses.clear();
    this.draw();
    return losses;
  }

  draw(): void {
    this.drawContext();
    const [run, ...others] = this.platform.activeRuns;
    if (run) {
      const more = others.length > 0 ? ` +${others.length}` : "";
      const icon = run.status === "RUN_STATUS_WAITING" ? "$(clock)" : "$(sync~spin)";
      this.run.text = `${icon} ${operationWord(run.operation)} ${place(run)} ${statusWord(run.status)}${more}`;
      this.run.show();
    } else this.run.hide();
    if (this.losses.size > 0) {
      this.lost.text = `$(error) LOST lock ${[...this.losses].join(", ")}`;
      this.lost.show();
    } else this.lost.hide();
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    [this.context, this.run, this.lost].forEach((item) => item.dispose());
  }

  private drawContext(): void {
    const { tenant, isSignedIn } = this.platform;
    const refusal = this.daemon.refusal;
    this.context.command = "deployer.selectEnvironment";
    if (!this.daemon.isThere) {
      this.context.text = refusal ? "$(warning) deployer: refused" : "$(debug-disconnect) deployer: stopped";
      this.context.command = "deployer.startDaemon";
    } else if (tenant && isSignedIn) {
      const environment = this.environment();
      this.context.text = `$(package) ${tenant.tenant}${environment ? ` · ${environment}` : ""}`;
    } else {
      this.context.text = "$(package) deployer: sign in";
      this.context.command = "deployer.login";
    }
    this.context.tooltip = refusal?.message ?? tenant?.name;
    this.context.show();
  }

  private heard(lock: LockChanged__Output): void {
    if (lock.holderState !== "LOST") return;
    this.losses.add(place(lock));
    this.draw();
  }
}
