// Neovim, headless, over the command line's JSON streams.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";

import { root, World } from "../world.mjs";

const found = spawnSync("nvim", ["--version"], { encoding: "utf8" });
const skip = found.status === 0 ? false : "nvim is missing: install neovim";

test("plan, apply, attach, cancel, status and problems in Neovim", { skip }, () => {
  const world = new World();
  try {
    world.signIn(world.platform());
    world.stack("shop", [
      "a: { type: command, apply: 'echo a begins; until [ -e a.go ]; do sleep 0.05; done', check: 'true' }",
      "b: { type: command, dependsOn: [s.a], apply: 'echo b', check: 'test ! -e ../ill' }",
    ]);
    const head = ["apiVersion: deployer/v1", "kind: Stack", "name: tagged", "environments: { development: {} }", "variables: { TAG: {}, PASSWORD: { sensitive: true } }"];
    const component = "a: { type: command, environment: { TAG: '${var.TAG}', PASSWORD: '${var.PASSWORD}' }, apply: 'printf %s \"$TAG${#PASSWORD}\" > tag' }";
    world.write("tagged/stack.yaml", `${[...head, `services: { s: { components: { ${component} } } }`].join("\n")}\n`);
    world.write("secrets.yaml", "PASSWORD: hush-hush\n");
    const script = join(root, "tests/editors/nvim/test.lua");
    const options = { cwd: world.work, env: { ...world.environment, DEPLOYER_TEST_ROOT: root }, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    try {
      const told = execFileSync("timeout", ["300", "nvim", "--headless", "-u", "NONE", "-c", `luafile ${script}`, "-c", "qa!"], options);
      assert.ok(told !== undefined);
    } catch (error) {
      assert.fail(`${found.stdout.split("\n")[0]}\n${error.stderr}`);
    }
  } finally {
    world.end();
  }
});
