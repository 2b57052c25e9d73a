import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { ProviderOutputs } from "./mocks.ts";

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The text that a mocked `RandomPassword` of this name has generated. */
export function generatedPassword(name: string): string {
  return digest(name).slice(0, 32);
}

/** The PEM text that a mocked `PrivateKey` of this name has made. */
export function generatedKey(name: string): string {
  return `-----BEGIN EC PRIVATE KEY-----\n${digest(name)}\n-----END EC PRIVATE KEY-----\n`;
}

/** The PEM text of the certificate that a mocked `SelfSignedCert` has made for a subject. */
export function certificatePem(subject: Record<string, string>): string {
  const entries = Object.entries(subject).sort(([a], [b]) => (a < b ? -1 : 1));
  return `-----BEGIN CERTIFICATE-----\n${digest(JSON.stringify(entries))}\n-----END CERTIFICATE-----\n`;
}

/** The PEM text of the certificate that a mocked `LocallySignedCert` has made for a request. */
export function signedPem(request: string): string {
  return `-----BEGIN CERTIFICATE-----\n${digest(request)}\n-----END CERTIFICATE-----\n`;
}

/** The id of the image that a mocked engine has under this reference. */
export function imageId(reference: string): string {
  return `sha256:${digest(reference)}`;
}

/** What a mocked `RandomId` has generated. */
export const stateId = "00112233445566ff";

/** What the providers of Docker, Random and TLS return, in the form that they return it. */
export const providerOutputs: ProviderOutputs = {
  "docker:index/remoteImage:RemoteImage": ({ inputs }) => ({ imageId: imageId(String(inputs["name"])) }),
  "random:index/randomId:RandomId": () => ({ hex: stateId }),
  "random:index/randomPassword:RandomPassword": ({ name }) => ({ result: pulumi.secret(generatedPassword(name)) }),
  "tls:index/privateKey:PrivateKey": ({ name }) => ({ privateKeyPem: pulumi.secret(generatedKey(name)) }),
  "tls:index/certRequest:CertRequest": ({ name }) => ({ certRequestPem: `request of ${name}` }),
  "tls:index/locallySignedCert:LocallySignedCert": ({ inputs }) => ({
    certPem: signedPem(String(inputs["certRequestPem"])),
  }),
  "tls:index/selfSignedCert:SelfSignedCert": ({ inputs }) => ({
    certPem: certificatePem(inputs["subject"] as Record<string, string>),
  }),
};
