// A local AWS for what needs two people to the cloud.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

import { root, until } from "./world.mjs";

const VENV = resolve(root, process.env.DEPLOYER_TEST_VENV ?? ".venv");
const PROGRAM = join(VENV, "bin/ministack");
export const REGION = "eu-west-1";
export const skip = existsSync(PROGRAM) ? false : `${PROGRAM} is missing: run \`make test-setup\``;

export class LocalAws {
  static async start() {
    const aws = new LocalAws();
    aws.port = await new Promise((give) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => give(port));
      });
    });
    const env = { ...process.env, BIND_HOST: "127.0.0.1", GATEWAY_PORT: String(aws.port) };
    aws.process = spawn(PROGRAM, [], { env, stdio: "ignore" });
    await until("the local AWS answers", () => fetch(`${aws.endpoint}/_ministack/health`).then((it) => it.ok, () => false));
    return aws;
  }

  get endpoint() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The environment of a person. */
  environment(key = "test", secret = "test") {
    return {
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_ACCESS_KEY_ID: key,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_REGION: REGION,
      AWS_EC2_METADATA_DISABLED: "true",
      DEPLOYER_REGION: REGION,
    };
  }

  /** Another person; answers their environment. */
  person(name) {
    const text = [
      "import boto3, json",
      "iam = boto3.client('iam')",
      `iam.create_user(UserName='${name}')`,
      `key = iam.create_access_key(UserName='${name}')['AccessKey']`,
      "print(json.dumps([key['AccessKeyId'], key['SecretAccessKey']]))",
    ];
    const env = { ...this.environment(), AWS_DEFAULT_REGION: REGION, PATH: "/usr/bin:/bin" };
    return this.environment(...JSON.parse(execFileSync(join(VENV, "bin/python"), ["-c", text.join("\n")], { env, encoding: "utf8" })));
  }

  end() {
    this.process.kill("SIGKILL");
  }
}
