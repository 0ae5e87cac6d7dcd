// Makes generated/ from the contract: its types, and the descriptors that calls are encoded with.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const proto = join(here, "../../proto");
const generated = join(here, "generated");
const files = readdirSync(join(proto, "deployer/v1"))
  .filter((name) => name.endsWith(".proto"))
  .sort()
  .map((name) => `deployer/v1/${name}`);

rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);
const options = ["--longs=String", "--enums=String", "--defaults", "--oneofs", "--grpcLib=@grpc/grpc-js"];
execFileSync(
  join(here, "node_modules/.bin/proto-loader-gen-types"),
  [...options, `--outDir=${generated}`, "-I", proto, "--", ...files],
  { cwd: proto, stdio: ["ignore", "ignore", "inherit"] },
);

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => join(proto, target);
root.loadSync(files, { keepCase: false });
writeFileSync(join(generated, "contract.json"), JSON.stringify(root.toJSON()));
