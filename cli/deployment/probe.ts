import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { checkServerIdentity, connect } from "node:tls";
import type { Unwrap } from "@pulumi/pulumi";
import type { SystemSummary } from "../../systems/summary.ts";
import { Failure } from "../failure.ts";

/** How a system's published address is tried from the host. */
export type Probe = Unwrap<SystemSummary["probe"]>;

/** A healthy service may need a moment until its published port answers. In milliseconds. */
const patience = 10_000;
const pause = 300;
const answerTimeout = 5_000;

/**
 * Gets a page from a system's published address, over TLS with the certificate verified where it has one.
 *
 * @throws Failure when it does not answer with 200.
 */
export async function probe(title: string, target: Probe): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    const problem = await getPage(target).then(
      (status) => (status === 200 ? undefined : `it answers with HTTP status ${status}`),
      (error: unknown) => (error as Error).message,
    );
    if (problem === undefined) return;
    if (Date.now() > deadline) {
      const scheme = target.serverName === undefined ? "http" : "https";
      const name = target.serverName === undefined ? "" : ` as ${target.serverName}`;
      throw new Failure(
        `The services of ${title} are healthy, but its address ${scheme}://${target.address}:${target.port}${target.path}` +
          ` cannot be used${name}: ${problem}`,
      );
    }
    await sleep(pause);
  }
}

function getPage({ address, port, path, serverName, certificatePem }: Probe): Promise<number> {
  const options = { host: address, port, path, timeout: answerTimeout, agent: false };
  return new Promise((resolve, reject) => {
    const request =
      serverName === undefined
        ? http.get(options)
        : https.get({
            ...options,
            // An IP address is never sent as a server's name (RFC 6066), but the certificate is verified for it all the same.
            servername: isIP(serverName) === 0 ? serverName : "",
            checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
            headers: { host: serverName },
            // The certificate itself is trusted, whoever issued it.
            ...(certificatePem !== undefined && { ca: certificatePem, allowPartialTrustChain: true }),
          });
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("timeout", () => request.destroy(new Error(`it does not answer within ${answerTimeout / 1000} s`)));
    request.on("error", reject);
  });
}

/** What a server's certificate says of itself. */
export interface ServedCertificate {
  subject: string;
  validTo: Date;
}

/** Reads the certificate that is served at an address, whoever issued it; nothing when no TLS is spoken there. */
export function servedCertificate(address: string, port: number): Promise<ServedCertificate | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, rejectUnauthorized: false, timeout: 2_000 });
    const end = (certificate?: ServedCertificate) => {
      socket.destroy();
      resolve(certificate);
    };
    socket.on("secureConnect", () => {
      const { subject, valid_to: validTo } = socket.getPeerCertificate();
      end({ subject: String(subject.CN), validTo: new Date(validTo) });
    });
    socket.on("timeout", () => {
      end();
    });
    socket.on("error", () => {
      end();
    });
  });
}
