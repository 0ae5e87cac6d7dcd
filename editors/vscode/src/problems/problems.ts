// Problems of stack files while somebody types, from the unsaved texts of all their files.
import { dirname, isAbsolute, join, resolve } from "node:path";
import { Diagnostic, DiagnosticSeverity, Range, Uri, languages, workspace, type Disposable, type TextDocument } from "vscode";

import type { Problem__Output } from "../../generated/deployer/v1/Problem";
import type { ValidateResponse__Output } from "../../generated/deployer/v1/ValidateResponse";
import type { Daemon } from "../daemon/daemon";
import { failure } from "../daemon/report";
import { stackFileOf } from "./stack_files";

export class Problems implements Disposable {
  private readonly collection = languages.createDiagnosticCollection("deployer");
  /** The stack files that are being checked, and whether they have changed since that began. */
  private readonly checking = new Map<string, "as it is" | "changed">();
  /** Where problems of each stack file are shown. */
  private readonly shown = new Map<string, Uri[]>();
  private readonly subscriptions: Disposable[];

  constructor(private readonly daemon: Daemon) {
    this.subscriptions = [
      workspace.onDidOpenTextDocument((document) => this.check(document)),
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => contentChanges.length > 0 && this.check(document)),
      workspace.onDidSaveTextDocument((document) => this.check(document)),
      workspace.onDidCloseTextDocument((document) => this.forget(document)),
      daemon.onDidChange((connection) => connection && workspace.textDocuments.forEach((document) => this.check(document))),
    ];
  }

  dispose(): void {
    this.subscriptions.forEach((it) => it.dispose());
    this.collection.dispose();
  }

  /** Checks at once; who types faster than answers come is checked again when one has come. */
  private check(document: TextDocument): void {
    const file = stackFileOf(document);
    if (!file || !this.daemon.isThere) return;
    if (this.checking.has(file)) this.checking.set(file, "changed");
    else void this.checkUntilItIsSo(file);
  }

  private async checkUntilItIsSo(file: string): Promise<void> {
    do {
      this.checking.set(file, "as it is");
      const problems = await this.validate(file).catch((error) => failure(error).report?.problems);
      if (problems) this.show(file, problems);
    } while (this.checking.get(file) === "changed" && this.daemon.isThere);
    this.checking.delete(file);
  }

  private forget(document: TextDocument): void {
    const file = stackFileOf(document);
    if (file && document.uri.fsPath === file) this.show(file, []);
  }

  private async validate(file: string): Promise<Problem__Output[]> {
    const open = workspace.textDocuments.filter((document) => stackFileOf(document) === file);
    const unsaved = Object.fromEntries(open.map((document) => [document.uri.fsPath, document.getText()]));
    const request = { context: this.daemon.lend({ cwd: dirname(file) }), target: { file }, unsaved };
    const answer = await this.daemon.ask<ValidateResponse__Output>((it, ...how) => it.stacks.Validate(request, ...how));
    return answer.problems;
  }

  private show(file: string, problems: Problem__Output[]): void {
    const byFile = new Map<string, Diagnostic[]>();
    for (const problem of problems) {
      const uri = this.uriOf(file, problem.file).toString();
      byFile.set(uri, [...(byFile.get(uri) ?? []), diagnostic(problem, Uri.parse(uri))]);
    }
    const uris = [...byFile.keys()].map((uri) => Uri.parse(uri));
    this.shown.get(file)?.filter((uri) => !byFile.has(uri.toString())).forEach((uri) => this.collection.delete(uri));
    uris.forEach((uri) => this.collection.set(uri, byFile.get(uri.toString())));
    this.shown.set(file, uris);
  }

  private uriOf(file: string, named: string): Uri {
    if (isAbsolute(named)) return Uri.file(named);
    const beside = join(dirname(file), named);
    return Uri.file(resolve(beside));
  }
}

/** The place of a problem: from its column to the end of the word, or the whole line. */
function diagnostic(problem: Problem__Output, uri: Uri): Diagnostic {
  const document = workspace.textDocuments.find((it) => it.uri.toString() === uri.toString());
  const line = Math.max(0, problem.line - 1);
  const text = document && line < document.lineCount ? document.lineAt(line).text : "";
  const start = problem.column > 0 ? (document ? utf16(text, problem.column - 1) : problem.column - 1) : text.length - text.trimStart().length;
  const end = problem.column > 0 ? start + (/^[^\s:,[\]{}#]+/.exec(text.slice(start))?.[0].length ?? 1) : Math.max(text.length, start + 1);
  const message = problem.hint ? `${problem.message}\n${problem.hint}` : problem.message;
  const made = new Diagnostic(new Range(line, start, line, end), message, DiagnosticSeverity.Error);
  made.source = "deployer";
  return made;
}

/** Columns are counted in characters, the editor counts UTF-16 units. */
function utf16(text: string, characters: number): number {
  return [...text].slice(0, characters).join("").length;
}
