// What a run printed, in a terminal that is made when somebody looks. Not in an output channel: those are files on the disk, and what
// commands print is nobody else's business.
import { EventEmitter, ThemeIcon, window, type Disposable, type Pseudoterminal, type Terminal } from "vscode";

import { printable } from "../tell/plain";

/** How many lines are kept. */
const KEPT = 5_000;

export class RunOutput implements Disposable {
  name = "";
  private readonly lines: string[] = [];
  private readonly written = new EventEmitter<string>();
  private terminal: Terminal | undefined;
  private isOpen = false;

  append(line: string): void {
    const shown = line.split("\n").map((part) => `${printable(part)}\r\n`).join("");
    if (this.lines.push(shown) > KEPT) this.lines.shift();
    if (this.isOpen) this.written.fire(shown);
  }

  show(): void {
    this.terminal ??= window.createTerminal({ name: this.name, pty: this.pty(), iconPath: new ThemeIcon("rocket"), isTransient: true });
    this.terminal.show(true);
  }

  dispose(): void {
    this.terminal?.dispose();
    this.written.dispose();
  }

  private pty(): Pseudoterminal {
    return {
      onDidWrite: this.written.event,
      open: () => {
        this.isOpen = true;
        this.written.fire(this.lines.join(""));
      },
      close: () => {
        this.isOpen = false;
        this.terminal = undefined;
      },
    };
  }
}
