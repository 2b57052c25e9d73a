import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { CertificateAuthority } from "./certificate-authority.ts";

export interface CertificateArgs {
  subject: {
    /** Two capital letters (ISO 3166-1). @default none */
    country?: string | undefined;
    /** @default none */
    stateOrProvince?: string | undefined;
    /** @default none */
    locality?: string | undefined;
    /** @default none */
    organization?: string | undefined;
  };
  /** Names that the certificate is valid for; the first is also the subject's common name. */
  dnsNames: string[];
  ipAddresses: string[];
  validityDays: number;
  /** A deployment in the last days before the end makes a new certificate for the same key. */
  earlyRenewalDays: number;
  /** Who signs it. @default its own key */
  authority?: CertificateAuthority | undefined;
}

/** A server's certificate and its key, made once and renewed in time. */
export class Certificate extends pulumi.ComponentResource {
  readonly certificatePem: pulumi.Output<string>;
  readonly privateKeyPem: pulumi.Output<string>;

  constructor(name: string, args: CertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Certificate", name, {}, opts);
    const { country, stateOrProvince, locality, organization } = args.subject;
    const commonName = args.dnsNames[0];
    const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
    const request = {
      privateKeyPem: key.privateKeyPem,
      subject: {
        ...(commonName !== undefined && { commonName }),
        ...(country !== undefined && { country }),
        ...(stateOrProvince !== undefined && { province: stateOrProvince }),
        ...(locality !== undefined && { locality }),
        ...(organization !== undefined && { organization }),
      },
      dnsNames: args.dnsNames,
      ipAddresses: args.ipAddresses,
    };
    const terms = {
      validityPeriodHours: args.validityDays * 24,
      earlyRenewalHours: args.earlyRenewalDays * 24,
      allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
    };
    const { authority } = args;
    const child = { parent: this };
    this.certificatePem =
      authority === undefined
        ? new tls.SelfSignedCert(`${name}-certificate`, { ...request, ...terms }, child).certPem
        : new tls.LocallySignedCert(
            `${name}-signed`,
            {
              certRequestPem: new tls.CertRequest(`${name}-request`, request, child).certRequestPem,
              caCertPem: authority.certificatePem,
              caPrivateKeyPem: authority.privateKeyPem,
              ...terms,
            },
            child,
          ).certPem;
    this.privateKeyPem = pulumi.secret(key.privateKeyPem);
    this.registerOutputs({ certificatePem: this.certificatePem, privateKeyPem: this.privateKeyPem });
  }
}
