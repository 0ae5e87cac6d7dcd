// `deployer schema` in any editor: what yaml-language-server completes, explains and refuses with it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

import { root, until, World } from "../world.mjs";

const SERVER = join(root, "tests/editors/node_modules/yaml-language-server/bin/yaml-language-server");
const skip = existsSync(SERVER) ? false : `${SERVER} is missing: run \`make test-editors\``;

/** A language server on its standard streams. */
class LanguageServer {
  constructor(cwd) {
    this.process = spawn(process.execPath, [SERVER, "--stdio"], { cwd, stdio: ["pipe", "pipe", "ignore"] });
    this.answers = new Map();
    this.problems = new Map();
    this.last = 0;
    let rest = Buffer.alloc(0);
    this.process.stdout.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const end = rest.indexOf("\r\n\r\n");
        const length = end < 0 ? 0 : Number(/Content-Length: (\d+)/i.exec(rest.subarray(0, end).toString())[1]);
        if (end < 0 || rest.length < end + 4 + length) return;
        this.hear(JSON.parse(rest.subarray(end + 4, end + 4 + length).toString()));
        rest = rest.subarray(end + 4 + length);
      }
    });
  }

  hear(message) {
    if (message.method === "textDocument/publishDiagnostics") this.problems.set(message.params.uri, message.params.diagnostics);
    else if (message.method && message.id !== undefined) this.send({ id: message.id, result: message.method === "workspace/configuration" ? this.configuration(message) : null });
    else if (message.id !== undefined) this.answers.get(message.id)?.(message.result);
  }

  configuration({ params }) {
    return params.items.map(({ section }) => (section === "yaml" ? this.yaml : {}));
  }

  send(message) {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  ask(method, params) {
    const id = ++this.last;
    this.send({ id, method, params });
    return new Promise((resolve) => this.answers.set(id, resolve));
  }

  async begin(folder, yaml) {
    this.yaml = yaml;
    const capabilities = { textDocument: { completion: { completionItem: { snippetSupport: true } }, hover: {} }, workspace: { configuration: true } };
    await this.ask("initialize", { processId: process.pid, rootUri: folder, capabilities });
    this.send({ method: "initialized", params: {} });
    this.send({ method: "workspace/didChangeConfiguration", params: { settings: { yaml } } });
  }

  open(uri, text) {
    this.send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
  }

  end() {
    this.process.kill("SIGKILL");
  }
}

/** A text with `|` at the place that is asked about. */
function placed(marked) {
  const [before] = marked.split("|");
  const lines = before.split("\n");
  return { text: marked.replace("|", ""), position: { line: lines.length - 1, character: lines.at(-1).length } };
}

const HEAD = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments:\n  development: {}\n";

async function withServer(use) {
  const world = new World();
  const server = new LanguageServer(world.work);
  try {
    const schema = world.write("schema.json", world.run(["schema"]));
    const schemas = { [pathToFileURL(schema).href]: "stack.yaml" };
    await server.begin(pathToFileURL(world.work).href, { schemas, schemaStore: { enable: false }, validate: true, hover: true, completion: true });
    await use(server, world);
  } finally {
    server.end();
    world.end();
  }
}

test("the schema completes types and fields, explains them, and finds what is wrong", { skip }, async () => {
  await withServer(async (server, world) => {
    const uri = (name) => pathToFileURL(join(world.work, name, "stack.yaml")).href;
    const at = async (name, marked, question) => {
      const { text, position } = placed(`${HEAD}${marked}`);
      server.open(uri(name), text);
      return server.ask(`textDocument/${question}`, { textDocument: { uri: uri(name) }, position });
    };
    // The server reads its settings when it likes to.
    server.open(uri("first"), `${HEAD}services: 1\n`);
    await until("the schema is read", () => server.problems.get(uri("first"))?.length);
    const labels = (answer) => (answer?.items ?? answer ?? []).map((item) => item.label);

    const types = labels(await at("types", "services:\n  s:\n    components:\n      a:\n        type: |\n", "completion"));
    for (const type of ["command", "sqs-queue", "ecs-service", "terraform", "rds"]) assert.ok(types.includes(type), `${type} is not in ${types}`);
    const fields = labels(await at("fields", "services:\n  s:\n    components:\n      a:\n        type: sqs-queue\n        |\n", "completion"));
    assert.ok(fields.includes("visibilityTimeout"), fields.join());

    const hover = await at("hover", "services:\n  s:\n    components:\n      a:\n        type: command\n        app|ly: make\n", "hover");
    const told = JSON.stringify(hover?.contents ?? "");
    assert.ok(told.length > 40, told);

    server.open(uri("wrong"), `${HEAD}services:\n  s:\n    components:\n      a:\n        type: command\n        aply: make\n`);
    const wrong = await until("problems are told", () => server.problems.get(uri("wrong"))?.length && server.problems.get(uri("wrong")));
    assert.ok(wrong.some((problem) => problem.range.start.line === 9 || problem.range.start.line === 10), JSON.stringify(wrong));
  });
});

test("a new stack's first line leads every editor to its schema, and it has no problems", { skip }, async () => {
  await withServer(async (server, world) => {
    world.run(["stack", "init", "web"]);
    const file = join(world.work, "web/stack.yaml");
    const text = readFileSync(file, "utf8");
    const [modeline] = text.split("\n");
    const named = /yaml-language-server: \$schema=(\S+)/.exec(modeline)?.[1];
    assert.ok(named, modeline);
    assert.ok(existsSync(join(dirname(file), named)), named);
    // Only the first line tells of the schema here.
    server.yaml = { schemaStore: { enable: false }, validate: true, completion: true };
    server.send({ method: "workspace/didChangeConfiguration", params: { settings: { yaml: server.yaml } } });
    const uri = pathToFileURL(file).href;
    server.open(uri, text);
    await until("the file is checked", () => server.problems.has(uri));
    assert.deepEqual(server.problems.get(uri), []);
    const bad = `${text.trimEnd()}\nnonsense: true\n`;
    server.send({ method: "textDocument/didChange", params: { textDocument: { uri, version: 2 }, contentChanges: [{ text: bad }] } });
    await until("nonsense is a problem", () => server.problems.get(uri)?.some((problem) => /nonsense/.test(problem.message)));
  });
});
