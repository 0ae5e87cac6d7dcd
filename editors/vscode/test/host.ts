// Tests inside the extension host, where the extension's own rooms can be reached. tests/editors starts them.
import * as assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";

import type { Api } from "../src/extension";
import { spots } from "../src/lenses/lenses";
import { ROOMS } from "./rooms";

const FOLDER = vscode.workspace.workspaceFolders![0]!.uri.fsPath;

/** How often speed is measured. */
const ROUNDS = 20;

function api(): Api {
  return vscode.extensions.getExtension<Api>("deployer.deployer")!.exports;
}

/** Waits for a condition that an event may bring about. */
function when<T>(what: string, event: vscode.Event<T>, condition: () => boolean, seconds = 30): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not within ${seconds} s`)), seconds * 1000);
    const subscription = event(() => {
      if (!condition()) return;
      clearTimeout(timer);
      subscription.dispose();
      resolve();
    });
  });
}

/** The same where the editor's own event comes late: that of diagnostics is held back for 50 ms. */
async function soon(what: string, condition: () => boolean, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resume) => setTimeout(resume, 1));
  }
}

function problems(uri: vscode.Uri): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter((it) => it.source === "deployer");
}

/** A stack file of at least so many lines. */
function longStack(lines: number): string {
  const head = ["apiVersion: deployer/v1", "kind: Stack", "name: long", "environments:", "  development: {}", "services:"];
  const services = Array.from({ length: Math.ceil(lines / 10) }, (_, service) => [
    `  service${service}:`,
    "    components:",
    ...["a", "b"].flatMap((name) => [`      ${name}:`, "        type: command", "        environment: { X: y }", `        apply: echo ${name}`]),
  ]);
  return `${[...head, ...services.flat()].join("\n")}\n`;
}

function figures(name: string, milliseconds: number[], goal: number): void {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1);
  console.log(`FIGURE ${name}: median ${at(0.5)} ms, worst ${at(1)} ms of ${sorted.length} (goal ${goal} ms)`);
}

const TESTS: Record<string, () => Promise<void>> = {
  async "the first tree is drawn soon after the activation"() {
    const extension = vscode.extensions.getExtension<Api>("deployer.deployer")!;
    assert.ok(!extension.isActive, "nothing in the workspace activates it before it is looked at");
    await vscode.commands.executeCommand("deployer.stacks.focus");
    await extension.activate();
    figures("activation to all that the first tree shows, warm daemon", [await extension.exports.known], 300);
    figures("activation to first tree, warm daemon", [await extension.exports.drawn], 300);
  },

  async "problems come while somebody types, at their places, and go when they are mended"() {
    const file = join(FOLDER, "long/stack.yaml");
    mkdirSync(join(FOLDER, "long"), { recursive: true });
    writeFileSync(file, longStack(1000));
    const document = await vscode.workspace.openTextDocument(file);
    const editor = await vscode.window.showTextDocument(document);
    assert.ok(document.lineCount > 1000);
    assert.deepEqual(problems(document.uri), []);
    const type = document.getText().split("\n").findLastIndex((text) => text.trim() === "type: command");
    const word = new vscode.Range(type, 14, type, 21);
    const times: number[] = [];
    const fromKey: number[] = [];
    let key = 0;
    const keys = vscode.workspace.onDidChangeTextDocument(() => (key = performance.now()));
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now();
      const edited = editor.edit((edit) => edit.replace(word, "comandX"));
      await soon("a problem", () => problems(document.uri).length > 0);
      times.push(performance.now() - began);
      fromKey.push(performance.now() - key);
      await edited;
      const [problem] = problems(document.uri);
      assert.equal(problem!.range.start.line, word.start.line);
      assert.equal(problem!.range.start.character, word.start.character);
      assert.match(problem!.message, /command/);
      await editor.edit((edit) => edit.replace(word, "command"));
      await soon("no problem", () => problems(document.uri).length === 0);
    }
    keys.dispose();
    figures(`typing to diagnostics, ${document.lineCount} lines`, fromKey, 100);
    figures("the same, with the way of the edit from the extension to the editor and back", times, 100);
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },

  async "a problem in a service's own file is shown there"() {
    const main = join(FOLDER, "parts/stack.yaml");
    mkdirSync(join(FOLDER, "parts/services"), { recursive: true });
    writeFileSync(main, "apiVersion: deployer/v1\nkind: Stack\nname: parts\nenvironments:\n  development: {}\n");
    const part = join(FOLDER, "parts/services/email.yaml");
    writeFileSync(part, "components:\n  a:\n    type: command\n    apply: echo\n");
    const document = await vscode.workspace.openTextDocument(part);
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((edit) => edit.replace(new vscode.Range(2, 10, 2, 17), "comandX"));
    await when("a problem", vscode.languages.onDidChangeDiagnostics, () => problems(document.uri).length > 0);
    assert.equal(problems(document.uri)[0]!.range.start.line, 2);
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },

  async "places are right after characters of two units, and with line ends of Windows"() {
    const file = join(FOLDER, "wide/stack.yaml");
    mkdirSync(join(FOLDER, "wide"), { recursive: true });
    const lines = ["apiVersion: deployer/v1", "kind: Stack", "name: wide", "environments:", "  development: {}", "services:", "  s:", "    components:"];
    const wide = "      a: { apply: 'echo \u{1F680}\u{1F680}\t\u00e9', type: comandX }";
    writeFileSync(file, `${[...lines, wide].join("\r\n")}\r\n`);
    const document = await vscode.workspace.openTextDocument(file);
    assert.equal(document.eol, vscode.EndOfLine.CRLF);
    await vscode.window.showTextDocument(document);
    await when("a problem", vscode.languages.onDidChangeDiagnostics, () => problems(document.uri).length > 0);
    assert.equal(document.getText(problems(document.uri)[0]!.range), "comandX");
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },

  async "a problem in a service's file that is not open is listed at its place"() {
    const main = join(FOLDER, "closed/stack.yaml");
    mkdirSync(join(FOLDER, "closed/services"), { recursive: true });
    writeFileSync(main, "apiVersion: deployer/v1\nkind: Stack\nname: closed\nenvironments:\n  development: {}\n");
    const part = vscode.Uri.file(join(FOLDER, "closed/services/email.yaml"));
    writeFileSync(part.fsPath, "components:\n  a:\n    type: comandX\n    apply: echo\n");
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(main));
    await when("a problem", vscode.languages.onDidChangeDiagnostics, () => problems(part).length > 0);
    const { start } = problems(part)[0]!.range;
    assert.deepEqual([start.line, start.character], [2, 10]);
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  },

  async "lenses stand at the stack and at each environment"() {
    const text = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments:\n  development: {}\n  production:\n    region: x\n";
    assert.deepEqual(spots(text), {
      stack: "shop",
      spots: [{ line: 2 }, { line: 4, environment: "development" }, { line: 5, environment: "production" }],
    });
    assert.equal(spots("- a\n- b\n"), undefined);
    assert.equal(spots("name: [unfinished"), undefined);
    const file = join(FOLDER, "shop/stack.yaml");
    mkdirSync(join(FOLDER, "shop"), { recursive: true });
    writeFileSync(file, text);
    const document = await vscode.workspace.openTextDocument(file);
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", document.uri);
    assert.deepEqual(new Set(lenses.map((lens) => lens.command?.command)), new Set(["deployer.plan", "deployer.apply", "deployer.status", "deployer.rollback"]));
  },

  async "what is planned is what is before one's eyes"() {
    const file = join(FOLDER, "typed/stack.yaml");
    mkdirSync(join(FOLDER, "typed"), { recursive: true });
    writeFileSync(file, "apiVersion: deployer/v1\nkind: Stack\nname: typed\nenvironments: { development: {} }\n");
    const document = await vscode.workspace.openTextDocument(file);
    const editor = await vscode.window.showTextDocument(document);
    const end = document.lineAt(document.lineCount - 1).range.end;
    await editor.edit((edit) => edit.insert(end, "services: { s: { components: { new: { type: command, apply: 'true' } } } }\n"));
    assert.ok(document.isDirty);
    await vscode.commands.executeCommand("deployer.plan", { stack: "typed", environment: "development", file });
    assert.ok(!document.isDirty, "it was saved");
    const plan = vscode.workspace.textDocuments.find((it) => it.uri.scheme === "deployer-plan");
    assert.match(plan!.getText(), /^\+ s\.new \(command\): create/m);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  },

  ...ROOMS,

  async "a setting that is changed holds at once"() {
    const before = api().calls();
    await vscode.workspace.getConfiguration("deployer").update("lookSeconds", 600, vscode.ConfigurationTarget.Global);
    await soon("it watches again", () => api().calls() === before + 1);
  },

  async "an idle editor makes no calls"() {
    const before = api().calls();
    const seconds = 5;
    await new Promise((resume) => setTimeout(resume, seconds * 1000));
    console.log(`FIGURE calls of an idle editor in ${seconds} s: ${api().calls() - before} (goal 0)`);
    assert.equal(api().calls(), before);
  },
};

export async function run(): Promise<void> {
  const failed: string[] = [];
  for (const [name, test] of Object.entries(TESTS)) {
    try {
      await test();
      console.log(`PASS ${name}`);
    } catch (error) {
      console.log(`FAIL ${name}: ${error instanceof Error ? error.stack : String(error)}`);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join(", ")}`);
}
