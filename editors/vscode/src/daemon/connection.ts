// One connection to a daemon that listens: its services, each call with its context, and how it ends.
import { connectivityState, credentials, type CallOptions, type ClientReadableStream, type ClientUnaryCall, type ServiceError } from "@grpc/grpc-js";
import type { CancellationToken } from "vscode";

import type { ApprovalServiceClient } from "../../generated/deployer/v1/ApprovalService";
import type { ContextServiceClient } from "../../generated/deployer/v1/ContextService";
import type { DaemonServiceClient } from "../../generated/deployer/v1/DaemonService";
import type { LockServiceClient } from "../../generated/deployer/v1/LockService";
import type { RunServiceClient } from "../../generated/deployer/v1/RunService";
import type { SessionServiceClient } from "../../generated/deployer/v1/SessionService";
import type { StackServiceClient } from "../../generated/deployer/v1/StackService";
import type { WatchServiceClient } from "../../generated/deployer/v1/WatchService";
import { client } from "./contract";
import { failure } from "./report";

/** How long an answer may take, in milliseconds; the slowest (plans of many resources) take minutes. */
const PATIENCE = 10 * 60_000;

type Answer<A> = (error: ServiceError | null, answer?: A) => void;

/** Begins a call. */
export type Begin<A> = (options: CallOptions, answer: Answer<A>) => ClientUnaryCall;

export class Connection {
  readonly approvals: ApprovalServiceClient;
  readonly contexts: ContextServiceClient;
  readonly daemon: DaemonServiceClient;
  readonly locks: LockServiceClient;
  readonly runs: RunServiceClient;
  readonly sessions: SessionServiceClient;
  readonly stacks: StackServiceClient;
  readonly watches: WatchServiceClient;

  constructor(socket: string) {
    const address = `unix://${socket}`;
    // One channel for all services: to end it is to end every call.
    this.daemon = client("DaemonService", address, credentials.createInsecure());
    const shared = { channelOverride: this.daemon.getChannel() };
    const of = <C extends import("@grpc/grpc-js").Client>(service: string) => client<C>(service, address, credentials.createInsecure(), shared);
    this.approvals = of("ApprovalService");
    this.contexts = of("ContextService");
    this.locks = of("LockService");
    this.runs = of("RunService");
    this.sessions = of("SessionService");
    this.stacks = of("StackService");
    this.watches = of("WatchService");
  }

  /** Calls once when the daemon at the other end is not there any more; asks it nothing. */
  onEnd(ended: () => void): void {
    const channel = this.daemon.getChannel();
    const state = channel.getConnectivityState(false);
    if (state !== connectivityState.READY) return ended();
    channel.watchConnectivityState(state, Infinity, (error) => error ?? ended());
  }

  close(): void {
    this.daemon.close();
  }
}

/** Makes a call; what fails is a `Failure`. */
export function call<A>(begin: Begin<A>, how: { patience?: number; given?: CancellationToken } = {}): Promise<A> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + (how.patience ?? PATIENCE);
    const begun = begin({ deadline }, (error, answer) => {
      givenUp?.dispose();
      return error ? reject(failure(error)) : resolve(answer as A);
    });
    const givenUp = how.given?.onCancellationRequested(() => begun.cancel());
  });
}

/** Hears a stream to its end, each message as it comes; what fails is a `Failure`. */
export function hear<M>(stream: ClientReadableStream<M>, each: (message: M) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on("data", each);
    stream.on("end", resolve);
    stream.on("error", (error) => reject(failure(error)));
  });
}
