// What proto/README.md promises the author of an editor, without one.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import test from "node:test";

import { root, until, World } from "../world.mjs";

const PACKAGES = join(root, "editors/vscode/node_modules");
const skip = existsSync(PACKAGES) ? false : `${PACKAGES} is missing: run \`make test-editors\``;

test("a question that is given up ends what the daemon began for it", { skip }, async () => {
  const require = createRequire(join(root, "editors/vscode/package.json"));
  const grpc = require("@grpc/grpc-js");
  const definition = require("@grpc/proto-loader").loadSync(["deployer/v1/stack.proto"], { includeDirs: [join(root, "proto")], keepCase: false });
  const { v1 } = grpc.loadPackageDefinition(definition).deployer;
  const world = new World();
  try {
    world.signIn(world.platform());
    world.stack("shop", ["a: { type: command, apply: 'echo done', check: 'if [ -e ../slow ]; then echo $$ > looks; exec sleep 1000; fi' }"]);
    world.run(["apply", "--stack", "shop", "--environment", "development", "--yes"]);
    world.write("slow", "");
    const stacks = new v1.StackService(`unix://${world.socket}`, grpc.credentials.createInsecure());
    const variables = world.environment;
    const context = { protocol: 1, cwd: world.work, environment: variables, fullEnvironment: { variables } };
    const answered = [];
    const asked = stacks.Status({ context, target: { stack: "shop", environment: "development" } }, (error) => answered.push(error?.code));
    const pid = Number(await until("the check is at work", () => answered.length > 0 || (world.exists("shop/looks") && world.read("shop/looks").trim())));
    assert.deepEqual(answered, []);
    assert.ok(world.processes().includes(pid));
    asked.cancel();
    await until("the check is ended", () => !world.processes().includes(pid));
    assert.deepEqual(answered, [grpc.status.CANCELLED]);
    stacks.close();
  } finally {
    world.end();
  }
});
