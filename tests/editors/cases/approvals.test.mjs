// What another person asks for is told, read and approved. Two people need a cloud that tells them apart, or two computers.
import assert from "node:assert/strict";
import test from "node:test";

import * as aws from "../aws.mjs";
import { skip, withEditor } from "../editor.mjs";
import { skipElsewhere, until, World } from "../world.mjs";

const ASK = ["apply", "--stack", "shop", "--environment", "production", "--yes"];

test("a request is told with its plan before one's eyes, and approved or rejected", { skip: skip || aws.skip }, async () => {
  const cloud = await aws.LocalAws.start();
  const world = new World({ ...cloud.environment(), DEPLOYER_ACTOR: "alice" });
  world.address = `s3://${world.directory.split("-").at(-1).toLowerCase()}-editor-state`;
  const bob = new World({ ...cloud.person("bob"), DEPLOYER_ACTOR: "bob" });
  try {
    const secret = world.platform();
    world.signIn(secret);
    bob.address = world.address;
    bob.signIn(secret);
    world.stack("shop", ["a: { type: command, apply: 'echo done >> ran' }"]);
    await withEditor(bob, { settings: { "deployer.lookSeconds": 1 } }, async (editor) => {
      await editor.showView();
      await editor.row("web-team").waitFor();
      const ask = () => assert.throws(() => world.run(ASK), (error) => error.status === 7);
      ask();
      await editor.notification("alice asks to apply shop/production").waitFor();
      await editor.row("apply shop/production", "Approvals").waitFor();
      await editor.picture("approval-asked");
      await editor.decide("alice asks to apply", "Look at the plan");
      await editor.notification("Approve to apply shop/production? Asked by alice").waitFor();
      await editor.page.locator(".view-lines").filter({ hasText: "+ s.a (command): create" }).first().waitFor();
      await editor.picture("approval");
      await editor.decide("Approve to apply shop/production?", "Approve");
      await editor.row("apply shop/production", "Approvals").waitFor({ state: "detached" });
      await until("what was approved runs by itself", () => world.exists("shop/ran"));

      world.stack("shop", ["a: { type: command, apply: 'echo again >> ran' }"]);
      ask();
      const asked = editor.row("apply shop/production", "Approvals");
      await asked.waitFor();
      await editor.press(asked, "Reject");
      await editor.type("not on a Friday", "Why?");
      await asked.waitFor({ state: "detached" });
      await until("the rejection is known", () => /not on a Friday/.test(world.run(["approvals", "list", "--all", "-o", "json"])));
      assert.equal(world.read("shop/ran"), "done\n");
    });
  } finally {
    bob.end();
    world.end();
    cloud.end();
  }
});

test("on the embedded backend somebody on another computer is another person, and their name is no link", { skip: skip || skipElsewhere() }, async () => {
  const world = new World();
  const secret = world.platform();
  world.signIn(secret);
  const eve = world.colleague(secret, { computer: "build-7", DEPLOYER_ACTOR: "eve [look](command:workbench.action.terminal.new)" });
  try {
    eve.stack("shop", ["a: { type: command, apply: 'echo done >> ran' }"]);
    await withEditor(world, { settings: { "deployer.lookSeconds": 1 } }, async (editor) => {
      await editor.showView();
      await editor.row("web-team").waitFor();
      assert.throws(() => eve.run(ASK), (error) => error.status === 7);
      const told = editor.notification("asks to apply shop/production");
      await told.waitFor();
      await editor.picture("approval-embedded");
      assert.match(await told.innerText(), /eve \[look\] \(command:/);
      assert.equal(await told.locator(".notification-list-item-message a").count(), 0);
      await editor.decide("asks to apply shop/production", "Look at the plan");
      await editor.notification("Approve to apply shop/production?").filter({ hasText: "@build-7" }).waitFor();
      await editor.decide("Approve to apply shop/production?", "Approve");
      await editor.row("apply shop/production", "Approvals").waitFor({ state: "detached" });
      await until("what was approved runs by itself", () => eve.exists("shop/ran"));
    });
  } finally {
    eve.end();
    world.end();
  }
});
