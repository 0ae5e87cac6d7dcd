// The stack files of the workspace.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { EventEmitter, workspace, type Disposable } from "vscode";

import { spots } from "../lenses/lenses";
import { isStackText } from "../problems/stack_files";
import type { Place } from "./place";

export interface LocalStack {
  file: string;
  environments: string[];
}

const PATTERN = "**/stack.yaml";
const LEFT_OUT = "**/{node_modules,target,.git}/**";

export class LocalStacks implements Disposable {
  /** By name. */
  readonly stacks = new Map<string, LocalStack>();
  private readonly changed = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: Disposable[];

  constructor() {
    const watcher = workspace.createFileSystemWatcher(PATTERN);
    const load = () => void this.load();
    this.subscriptions = [watcher, watcher.onDidCreate(load), watcher.onDidChange(load), watcher.onDidDelete(load)];
  }

  async load(): Promise<void> {
    const found = await workspace.findFiles(PATTERN, LEFT_OUT, 200);
    // Of two stacks of one name the first is meant, whichever was found first.
    found.sort((a, b) => (a.fsPath < b.fsPath ? 1 : -1));
    const read = await Promise.all(found.map(async (uri) => readStack(uri.fsPath)));
    this.stacks.clear();
    read.forEach((it) => it && this.stacks.set(it.name, it.stack));
    this.changed.fire();
  }

  /** The directory that calls about a stack are made from. */
  directoryOf(of: { stack: string; file?: string } | Place): string {
    const file = ("file" in of && of.file) || this.stacks.get(of.stack)?.file;
    return file ? dirname(file) : (workspace.workspaceFolders?.[0]?.uri.fsPath ?? "/");
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    this.changed.dispose();
  }
}

async function readStack(file: string): Promise<{ name: string; stack: LocalStack } | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const found = isStackText(text) ? spots(text) : undefined;
  if (!found) return undefined;
  const environments = found.spots.flatMap((spot) => (spot.environment ? [spot.environment] : []));
  return { name: found.stack, stack: { file, environments } };
}
