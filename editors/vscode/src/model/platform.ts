// What is known of contexts, stacks, locks, runs and approvals. Asked for once, then kept up to date by what is heard.
import { EventEmitter, type Disposable } from "vscode";

import type { Approval__Output } from "../../generated/deployer/v1/Approval";
import type { Context__Output } from "../../generated/deployer/v1/Context";
import type { ListApprovalsResponse__Output } from "../../generated/deployer/v1/ListApprovalsResponse";
import type { ListContextsResponse__Output } from "../../generated/deployer/v1/ListContextsResponse";
import type { ListLocksResponse__Output } from "../../generated/deployer/v1/ListLocksResponse";
import type { ListRunsResponse__Output } from "../../generated/deployer/v1/ListRunsResponse";
import type { ListStacksResponse__Output } from "../../generated/deployer/v1/ListStacksResponse";
import type { Lock__Output } from "../../generated/deployer/v1/Lock";
import type { LockChanged__Output } from "../../generated/deployer/v1/LockChanged";
import type { Run__Output } from "../../generated/deployer/v1/Run";
import type { StackRow__Output } from "../../generated/deployer/v1/StackRow";
import type { WatchEvent__Output } from "../../generated/deployer/v1/WatchEvent";
import type { Daemon } from "../daemon/daemon";
import { failure, type Failure } from "../daemon/report";
import type { Watch } from "../watch/watch";
import { place, type Place } from "./place";
import { isOver } from "./runs";

/** How many runs are shown. */
const RUNS = 20;

export class Platform implements Disposable {
  contexts: Context__Output[] = [];
  stacks: StackRow__Output[] = [];
  approvals: Approval__Output[] = [];
  readonly locks = new Map<string, Lock__Output>();
  readonly runs = new Map<string, Run__Output>();
  /** Why it is not known what a tenant has. */
  trouble: Failure | undefined;
  loaded = false;

  private readonly changed = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly runChanged = new EventEmitter<Run__Output>();
  /** Fires with each run that begins, goes on or ends while the extension is there. */
  readonly onDidChangeRun = this.runChanged.event;
  private readonly approvalAsked = new EventEmitter<Approval__Output>();
  /** Fires with each request for approval that was not known before. */
  readonly onDidAskApproval = this.approvalAsked.event;
  private readonly lockChanged = new EventEmitter<LockChanged__Output>();
  readonly onDidChangeLock = this.lockChanged.event;

  /** Resolves when everything that the first tree needs is known for the first time. */
  readonly firstLoad: Promise<void>;
  private known: () => void = () => undefined;
  private readonly subscriptions: Disposable[];
  /** What was heard of runs while the daemon was asked for them: newer than its answer may be. */
  private readonly heardRuns = new Map<string, Run__Output>();
  private asksLocks = false;
  private readonly due = new Set<() => Promise<void>>();
  private round: Promise<void> | undefined;

  constructor(
    private readonly daemon: Daemon,
    watch: Watch,
  ) {
    this.firstLoad = new Promise((resolve) => (this.known = resolve));
    const gone = (connection: unknown) => connection || this.clear();
    this.subscriptions = [watch.onDidHear((event) => this.hear(event)), daemon.onDidChange(gone)];
  }

  /** The tenant's context that calls act in. */
  get tenant(): Context__Output | undefined {
    return this.contexts.find((context) => context.current && context.mode === "MODE_TENANT");
  }

  get isSignedIn(): boolean {
    return this.tenant?.signedIn ?? false;
  }

  lock(of: Place): Lock__Output | undefined {
    return this.locks.get(place(of));
  }

  /** Runs that have not ended, oldest first. */
  get activeRuns(): Run__Output[] {
    return [...this.runs.values()].filter((run) => !isOver(run.status)).sort((a, b) => a.id.localeCompare(b.id));
  }

  /** Asks for everything anew. */
  load(): Promise<void> {
    return this.soon(this.loadAll);
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    [this.changed, this.runChanged, this.approvalAsked, this.lockChanged].forEach((it) => it.dispose());
  }

  private clear(): void {
    this.contexts = [];
    this.forgetTenant();
    this.loaded = false;
    this.changed.fire();
  }

  private forgetTenant(): void {
    this.stacks = [];
    this.approvals = [];
    this.locks.clear();
    this.runs.clear();
  }

  private hear(event: WatchEvent__Output): void {
    switch (event.event) {
      case "began":
        if (event.began?.resync) void this.load();
        return;
      case "context":
        void this.load();
        return;
      case "run":
        return this.hearRun(event.run!);
      case "lock":
        return this.hearLock(event.lock!);
      case "approval":
        void this.soon(this.loadApprovals);
        return;
      default:
        return; // Of a later release.
    }
  }

  private hearRun(run: Run__Output): void {
    if (run.tenant !== this.tenant?.tenant) return;
    this.runs.set(run.id, run);
    this.heardRuns.set(run.id, run);
    this.runChanged.fire(run);
    if (isOver(run.status)) void this.soon(this.loadStacks);
    this.changed.fire();
  }

  private hearLock(lock: LockChanged__Output): void {
    if (lock.tenant !== this.tenant?.tenant) return;
    const known = this.locks.get(place(lock));
    if (!lock.held) this.locks.delete(place(lock));
    else if (known && lock.holderState) Object.assign(known, { holderState: lock.holderState, looksAlive: lock.looksAlive });
    else void this.soon(this.loadLocks);
    // The answer to a question that is on its way may be older than this.
    if (this.asksLocks) void this.soon(this.loadLocks);
    this.lockChanged.fire(lock);
    this.changed.fire();
  }

  /** Asks in a moment, once, however often it is wanted until then. */
  private soon(question: () => Promise<void>): Promise<void> {
    this.due.add(question);
    this.round ??= Promise.resolve().then(async () => {
      while (this.due.size > 0) {
        const questions = [...this.due];
        this.due.clear();
        await Promise.all(questions.map((ask) => ask.call(this)));
        this.changed.fire();
      }
      this.round = undefined;
    });
    return this.round;
  }

  /** The tree is drawn as soon as it can be; runs and approvals come after it. */
  private async loadAll(): Promise<void> {
    this.trouble = undefined;
    const [contexts] = await Promise.all([this.loadContexts(), this.loadStacks(), this.loadLocks()]);
    this.known();
    if (!contexts) return;
    this.loaded = true;
    if (!this.isSignedIn) {
      // What was asked for meanwhile was refused, as it should be.
      this.trouble = undefined;
      this.forgetTenant();
      return;
    }
    this.changed.fire();
    // In this order: whose a request is, is known from the runs.
    await this.loadRuns();
    await this.loadApprovals();
  }

  private async loadContexts(): Promise<boolean> {
    const context = this.daemon.lend({ cwd: "/" });
    return this.tried(async () => {
      const before = this.tenant?.name;
      const { contexts } = await this.daemon.ask<ListContextsResponse__Output>((it, ...how) => it.contexts.List({ context }, ...how));
      this.contexts = contexts;
      if (this.tenant?.name !== before) {
        this.runs.clear();
        this.approvals = [];
      }
    });
  }

  private async loadStacks(): Promise<void> {
    const context = this.daemon.lend({ cwd: "/" });
    await this.tried(async () => {
      const { stacks } = await this.daemon.ask<ListStacksResponse__Output>((it, ...how) => it.stacks.List({ context }, ...how));
      this.stacks = stacks;
    });
  }

  private async loadLocks(): Promise<void> {
    const context = this.daemon.lend({ cwd: "/" });
    this.asksLocks = true;
    await this.tried(async () => {
      const { locks } = await this.daemon.ask<ListLocksResponse__Output>((it, ...how) => it.locks.List({ context }, ...how));
      this.locks.clear();
      locks.forEach((lock) => this.locks.set(place(lock), lock));
    });
    this.asksLocks = false;
  }

  private async loadRuns(): Promise<void> {
    const context = this.daemon.lend({ cwd: "/" });
    await this.tried(async () => {
      const asked = { context, limit: RUNS };
      this.heardRuns.clear();
      const { runs } = await this.daemon.ask<ListRunsResponse__Output>((it, ...how) => it.runs.List(asked, ...how));
      this.runs.clear();
      runs.forEach((run) => this.runs.set(run.id, run));
      this.heardRuns.forEach((run) => this.runs.set(run.id, run));
      this.heardRuns.clear();
      this.activeRuns.filter((run) => run.owned).forEach((run) => this.runChanged.fire(run));
    });
  }

  private async loadApprovals(): Promise<void> {
    const context = this.daemon.lend({ cwd: "/" });
    await this.tried(async () => {
      const { approvals } = await this.daemon.ask<ListApprovalsResponse__Output>((it, ...how) => it.approvals.List({ context }, ...how));
      const known = new Set(this.approvals.map((approval) => approval.run));
      this.approvals = approvals;
      approvals.filter((approval) => !known.has(approval.run)).forEach((approval) => this.approvalAsked.fire(approval));
    });
  }

  private async tried(question: () => Promise<void>): Promise<boolean> {
    try {
      await question();
      return true;
    } catch (error) {
      this.trouble = failure(error);
      return false;
    }
  }
}
