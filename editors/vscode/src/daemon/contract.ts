// The contract, as the bundle carries it.
import { loadPackageDefinition, type Client, type ServiceClientConstructor } from "@grpc/grpc-js";
import { fromJSON, type MessageTypeDefinition } from "@grpc/proto-loader";
import type { INamespace } from "protobufjs";

import descriptors from "../../generated/contract.json";
import type { ErrorReport__Output } from "../../generated/deployer/v1/ErrorReport";

const definition = fromJSON(descriptors as INamespace, { longs: String, enums: String, defaults: true, oneofs: true });
const services = (loadPackageDefinition(definition) as unknown as { deployer: { v1: Record<string, ServiceClientConstructor> } }).deployer.v1;

/** Makes a client of a service. */
export function client<C extends Client>(service: string, ...how: ConstructorParameters<ServiceClientConstructor>): C {
  const constructor = services[service];
  if (!constructor) throw new Error(`the contract has no ${service}`);
  return new constructor(...how) as unknown as C;
}

/** Reads an error's report from its bytes. */
export function errorReport(bytes: Buffer): ErrorReport__Output {
  const type = definition["deployer.v1.ErrorReport"] as MessageTypeDefinition<object, ErrorReport__Output>;
  return type.deserialize(bytes);
}
