// Tests inside the extension host, where the extension's own rooms can be reached. tests/editors starts them.
import * as assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";

import { Caller } from "../src/daemon/caller";
import { socketPath, whoIsThere } from "../src/daemon/endpoint";
import { findProgram } from "../src/daemon/program";
import type { Api } from "../src/extension";
import { spots } from "../src/lenses/lenses";
import { printable, unlinked } from "../src/tell/plain";

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

  async "the socket is where every guest looks for it, and nothing is sent to somebody else's"() {
    assert.equal(socketPath({ DEPLOYER_SOCKET: "/run/x.sock", DEPLOYER_STATE_DIR: "/var/x" }), "/run/x.sock");
    assert.equal(socketPath({ DEPLOYER_STATE_DIR: "/var/x" }), "/var/x/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h" }, "linux"), "/h/.local/state/deployer/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h", XDG_STATE_HOME: "/s" }, "linux"), "/s/deployer/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h", XDG_STATE_HOME: "relative" }, "linux"), "/h/.local/state/deployer/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h" }, "darwin"), "/h/Library/Application Support/deployer/deployerd.sock");
    assert.throws(() => socketPath({ DEPLOYER_SOCKET: "x.sock" }), /absolute/);
    assert.throws(() => socketPath({ DEPLOYER_SOCKET: `/${"x".repeat(110)}` }), /DEPLOYER_SOCKET/);
    const plain = join(FOLDER, "no-socket");
    writeFileSync(plain, "");
    assert.throws(() => whoIsThere(plain), /no socket/);
    assert.equal(whoIsThere(join(FOLDER, "nothing")), "nobody");
    assert.equal(whoIsThere(socketPath(process.env)), "ours");
  },

  async "a call lends what backends need and never a secret"() {
    const environment = { HOME: "/h", AWS_PROFILE: "p", DEPLOYER_SECRET: "hush", DEPLOYER_ADMIN_PASSWORD: "hush", OTHER: "o", VSCODE_PID: "1", https_proxy: "x" };
    const caller = new Caller(environment, "test");
    const plain = caller.context({ cwd: "/w" });
    assert.deepEqual(plain.environment, { HOME: "/h", AWS_PROFILE: "p", https_proxy: "x" });
    assert.equal(plain.fullEnvironment, null);
    const full = caller.context({ cwd: "/w", commands: true });
    assert.equal(full.fullEnvironment?.variables?.OTHER, "o");
    assert.equal(full.fullEnvironment?.variables?.VSCODE_PID, undefined);
    assert.ok(!JSON.stringify([plain, full]).includes("hush"));
  },

  async "the program is found, or it is said what to do"() {
    assert.equal(findProgram("/opt/deployer", {}), "/opt/deployer");
    assert.ok(findProgram("", process.env).endsWith("/deployer"));
  },

  async "what is printed cannot steer a terminal"() {
    assert.equal(printable("\u001b[31mred\u001b[0m \u0007bell \u001b]52;c;x\u0007 \u009b2J"), "red bell 52;c;x 2J");
    assert.equal(printable("two\nlines \u202efdp.exe"), "two\\nlines \\u{202e}fdp.exe");
  },

  async "what others are called is no link"() {
    assert.equal(unlinked("[look](command:x) and [here](https://x)\nmore"), "[look] (command:x) and [here] (https://x)\nmore");
    const rooms = join(vscode.extensions.getExtension("deployer.deployer")!.extensionPath, "src");
    const files = readdirSync(rooms, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts") && !path.startsWith("tell/"));
    const around = files.filter((path) => /\bwindow\.(show\w+Message|showInputBox|withProgress)\b/.test(readFileSync(join(rooms, path), "utf8")));
    assert.ok(files.length > 20);
    assert.deepEqual(around, [], "messages go by the room tell");
  },

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
