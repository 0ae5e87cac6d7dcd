// The tests inside the extension host, and the figures that they measure.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { chromium } from "playwright-core";

import { CHROMIUM, Server, skip } from "../editor.mjs";
import { programs, root, World } from "../world.mjs";

const DEVELOPMENT = join(root, "editors/vscode");
const TESTS = join(DEVELOPMENT, "dist/test/host.js");

test("in the extension host", { skip }, async () => {
  assert.ok(existsSync(TESTS), `${TESTS} is missing: run \`make test-editors\``);
  const world = new World();
  let server, browser;
  try {
    world.signIn(world.platform());
    world.stack("shop", ["a: { type: command, apply: 'echo done' }"]);
    world.run(["apply", "--stack", "shop", "--environment", "development", "--yes"]);
    // With a stack file in it the workspace would activate the extension before the tests can look at their watch.
    rmSync(join(world.work, "shop"), { recursive: true });
    const options = ["--vscode-option", "enable-smoke-test-driver"];
    server = await Server.start(world, { install: false, options, settings: { "deployer.lookSeconds": 0 } });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    const page = await browser.newPage();
    const said = [];
    const exit = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`the tests did not end:\n${said.join("\n")}`)), 240_000).unref();
      void page.exposeFunction("codeAutomationLog", (_type, parts) => said.push(...[parts].flat().map(String)));
      void page.exposeFunction("codeAutomationExit", (code, logs) => resolve({ code, logs }));
    });
    const remote = (path) => `vscode-remote://127.0.0.1:${server.port}${path}`;
    const payload = [["extensionDevelopmentPath", remote(DEVELOPMENT)], ["extensionTestsPath", remote(TESTS)]];
    await page.goto(`${server.url}/?folder=${world.work}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
    const { code } = await exit;
    // The host has much to say; what the tests said begins with a word of theirs.
    const lines = said.filter((text) => /^(FIGURE|PASS|FAIL)/.test(text));
    console.log(`processors: ${cpus().length}, load: ${loadavg()[0].toFixed(1)}, programs: ${programs}`);
    lines.filter((line) => /FIGURE/.test(line)).forEach((line) => console.log(line.replace("FIGURE ", "")));
    assert.equal(code, 0, lines.join("\n"));
    assert.ok(lines.some((line) => line.startsWith("PASS")), said.join("\n"));
  } finally {
    await browser?.close();
    server?.end();
    world.end();
  }
});
