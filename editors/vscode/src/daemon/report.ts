// What a person should see of a failed call, and the reason that the extension decides from.
import { status, type ServiceError } from "@grpc/grpc-js";
import { Reader } from "protobufjs/minimal";

import type { ErrorReport__Output } from "../../generated/deployer/v1/ErrorReport";
import { errorReport } from "./contract";

const DETAILS = "grpc-status-details-bin";

/** A failed call. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly reason: string,
    readonly report?: ErrorReport__Output,
    /** The transport's code, where the daemon itself said nothing. */
    readonly transport?: number,
  ) {
    super(message);
    this.name = "Failure";
  }

  /** Whether the daemon is not there any more. */
  get isGone(): boolean {
    return this.transport === status.UNAVAILABLE || this.transport === status.CANCELLED;
  }

  /** Whether the daemon speaks another version of the protocol. */
  get speaksOtherwise(): boolean {
    return this.reason === "PROTOCOL_MISMATCH";
  }

  /** Whether the daemon is there and does not do what was asked. */
  get isRefusal(): boolean {
    return this.report !== undefined || this.transport === status.UNIMPLEMENTED;
  }

  /** Everything worth reading, a line each. */
  get lines(): string[] {
    return this.report ? reportLines(this.report) : [this.message];
  }
}

/** A report as lines: the message, the facts, the causes, what to do next. */
export function reportLines(report: ErrorReport__Output): string[] {
  return [
    report.message,
    ...report.facts.map((fact) => `${fact.label}: ${fact.value}`),
    ...report.causes.map((cause) => `Caused by: ${cause}`),
    ...report.problems.map((problem) => `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`),
    ...report.hints.map((hint) => `Hint: ${hint}`),
  ];
}

/** Makes a failure of whatever was thrown. */
export function failure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const error = thrown as Partial<ServiceError>;
  if (error?.metadata) {
    const report = reportOf(error.metadata.get(DETAILS)[0]);
    if (report) return new Failure(report.message, report.reason, report);
    if (error.code === status.UNIMPLEMENTED) {
      return new Failure("the daemon is older than this extension; run `deployer daemon restart`", "", undefined, error.code);
    }
    return new Failure(`the daemon did not answer: ${error.details ?? error.message}`, "", undefined, error.code);
  }
  return new Failure(thrown instanceof Error ? thrown.message : String(thrown), "");
}

/** google.rpc.Status{ details = 3: google.protobuf.Any{ type_url = 1, value = 2 } }, of which only the report matters. */
function reportOf(packed: string | Buffer | undefined): ErrorReport__Output | undefined {
  if (!Buffer.isBuffer(packed)) return undefined;
  for (const any of fields(packed, 3)) {
    const [url] = fields(any, 1);
    const [value] = fields(any, 2);
    if (url && value && Buffer.from(url).toString().endsWith("/deployer.v1.ErrorReport")) return errorReport(Buffer.from(value));
  }
  return undefined;
}

function fields(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const reader = Reader.create(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === wanted && (tag & 7) === 2) found.push(reader.bytes());
    else reader.skipType(tag & 7);
  }
  return found;
}
