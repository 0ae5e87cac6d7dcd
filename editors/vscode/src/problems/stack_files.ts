// Which documents are stack files, and to which stack each belongs.
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { TextDocument } from "vscode";

const STACK_FILE = "stack.yaml";

/** The stack file that a document is, or is a part of; nothing for other documents. */
export function stackFileOf(document: TextDocument): string | undefined {
  if (document.uri.scheme !== "file") return undefined;
  const path = document.uri.fsPath;
  if (basename(path) === STACK_FILE) return isStackText(document.getText()) ? path : undefined;
  if (!/\.ya?ml$/.test(path) || basename(dirname(path)) !== "services") return undefined;
  const main = join(dirname(dirname(path)), STACK_FILE);
  return existsSync(main) ? main : undefined;
}

/** Whether a text is a stack file's: other programs have files of this name too. */
export function isStackText(text: string): boolean {
  return /^\s*apiVersion\s*:\s*["']?deployer\//m.test(text);
}
