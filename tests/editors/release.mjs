// A daemon of another release, as far as a guest can tell: real gRPC on the user's socket, and few methods.
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { root } from "./world.mjs";

const require = createRequire(join(root, "editors/vscode/package.json"));
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const NOUNS = ["daemon", "context", "error"].map((noun) => `deployer/v1/${noun}.proto`);
const definition = loader.loadSync(NOUNS, { includeDirs: [join(root, "proto")], keepCase: false });
const { v1 } = grpc.loadPackageDefinition(definition).deployer;
const { root: google } = protobuf.parse(`syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`);

/** A failure as the daemon sends it. */
function refusal(code, reason, message) {
  const value = definition["deployer.v1.ErrorReport"].serialize({ reason, message, hints: ["run `deployer daemon restart`"] });
  const details = [{ typeUrl: "type.googleapis.com/deployer.v1.ErrorReport", value }];
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(google.lookupType("Status").encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}

export class OtherRelease {
  /** Listens where the world's daemon would. `speaks`: whether it serves the protocol of today's guests. */
  static async begin(world, { speaks }) {
    const release = new OtherRelease();
    release.socket = world.socket;
    /** The names of the methods that were called. */
    release.calls = [];
    const heard = (name, answer) => (_call, callback) => {
      release.calls.push(name);
      answer(callback);
    };
    const older = () => refusal(grpc.status.FAILED_PRECONDITION, "PROTOCOL_MISMATCH", "the daemon is older than its caller");
    const hello = (callback) => (speaks ? callback(null, { protocol: 1 }) : callback(older()));
    mkdirSync(dirname(world.socket), { recursive: true, mode: 0o700 });
    release.server = new grpc.Server();
    release.server.addService(v1.DaemonService.service, { Hello: heard("Hello", hello) });
    release.server.addService(v1.ContextService.service, { List: heard("List", (callback) => callback(null, { contexts: [] })) });
    await new Promise((resolve, reject) => {
      const listens = (error) => (error ? reject(error) : resolve());
      release.server.bindAsync(`unix://${world.socket}`, grpc.ServerCredentials.createInsecure(), listens);
    });
    chmodSync(world.socket, 0o600);
    return release;
  }

  end() {
    this.server.forceShutdown();
    rmSync(this.socket, { force: true });
  }
}
