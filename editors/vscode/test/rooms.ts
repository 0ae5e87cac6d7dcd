// Tests of the rooms that need no window: where the socket is, what a call lends, what is shown of others' texts.
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";

import { Caller } from "../src/daemon/caller";
import { socketPath, whoIsThere } from "../src/daemon/endpoint";
import { findProgram } from "../src/daemon/program";
import { printable, unlinked } from "../src/tell/plain";

export const ROOMS: Record<string, () => Promise<void>> = {
  async "the socket is where every guest looks for it, and nothing is sent to somebody else's"() {
    assert.equal(socketPath({ DEPLOYER_SOCKET: "/run/x.sock", DEPLOYER_STATE_DIR: "/var/x" }), "/run/x.sock");
    assert.equal(socketPath({ DEPLOYER_STATE_DIR: "/var/x" }), "/var/x/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h" }, "linux"), "/h/.local/state/deployer/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h", XDG_STATE_HOME: "/s" }, "linux"), "/s/deployer/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h", XDG_STATE_HOME: "relative" }, "linux"), "/h/.local/state/deployer/deployerd.sock");
    assert.equal(socketPath({ HOME: "/h" }, "darwin"), "/h/Library/Application Support/deployer/deployerd.sock");
    assert.throws(() => socketPath({ DEPLOYER_SOCKET: "x.sock" }), /absolute/);
    assert.throws(() => socketPath({ DEPLOYER_SOCKET: `/${"x".repeat(110)}` }), /DEPLOYER_SOCKET/);
    const folder = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
    const plain = join(folder, "no-socket");
    writeFileSync(plain, "");
    assert.throws(() => whoIsThere(plain), /no socket/);
    assert.equal(whoIsThere(join(folder, "nothing")), "nobody");
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
};
