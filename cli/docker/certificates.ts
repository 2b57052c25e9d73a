import type { ServiceOperations } from "../../components/operations.ts";
import { servedCertificate } from "../deployment/probe.ts";
import type { Member } from "./containers.ts";

type Renewal = NonNullable<ServiceOperations["certificate"]>;

/** A certificate that one of the stack's services serves. */
export interface CertificateStatus {
  service: string;
  subject: string;
  /** In ISO 8601. */
  validTo: string;
  daysLeft: number;
  /** What to do, where it ends soon or has ended. */
  advice?: string;
}

const dayInMilliseconds = 24 * 60 * 60 * 1000;

/** How long before the end somebody who has to renew a certificate is told, in days. */
const fewDays = 30;

/**
 * Asks every published port for its certificate, but those of databases, which count strange callers as attacks.
 *
 * @param up the command that deploys the stack
 */
export async function certificatesOf(
  members: readonly Member[],
  up: string,
  now = new Date(),
): Promise<CertificateStatus[]> {
  const asked = members
    .filter(
      ({ kind, state, operations }) => kind === "service" && state === "running" && operations?.database === undefined,
    )
    .flatMap(({ name, system, ports }) =>
      ports.map(async ({ address, hostPort }): Promise<CertificateStatus[]> => {
        const certificate = await servedCertificate(reachable(address), hostPort);
        if (certificate === undefined) return [];
        const { subject, validTo } = certificate;
        const daysLeft = Math.floor((validTo.getTime() - now.getTime()) / dayInMilliseconds);
        const advice = renewalAdvice(validTo, renewalIn(members, system), up, now);
        return [
          {
            service: name,
            subject,
            validTo: validTo.toISOString(),
            daysLeft,
            ...(advice !== undefined && { advice }),
          },
        ];
      }),
    );
  return (await Promise.all(asked)).flat();
}

/** Who renews the certificate of a system; nothing where none of its services says so. */
function renewalIn(members: readonly Member[], system: string): Renewal | undefined {
  const own = members.find((member) => member.system === system && member.operations?.certificate !== undefined);
  return own?.operations?.certificate;
}

/**
 * What to do with a certificate that ends soon; nothing where it does not.
 *
 * @param renewal nothing where it is not known who renews it
 */
export function renewalAdvice(validTo: Date, renewal: Renewal | undefined, up: string, now: Date): string | undefined {
  const daysLeft = (validTo.getTime() - now.getTime()) / dayInMilliseconds;
  if (daysLeft >= (renewal?.renewalDays ?? fewDays)) return undefined;
  const byDeployment = `renews itself at the next deployment: ${up}`;
  const byUser = `put the renewed files in place of the old ones, then type: ${up}`;
  if (renewal === undefined) return `one that the stack made ${byDeployment}; one of your own: ${byUser}`;
  return renewal.renewalDays === undefined ? byUser : byDeployment;
}

/** Where a port that listens on an address is reached from the host itself. */
function reachable(address: string): string {
  if (address === "0.0.0.0" || address === "") return "127.0.0.1";
  return address === "::" ? "::1" : address;
}
