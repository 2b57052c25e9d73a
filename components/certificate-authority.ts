import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface CertificateAuthorityArgs {
  /** What its certificate is called where it is trusted, such as `Slipway prod`. */
  commonName: string;
}

const validityDays = 3650;
const earlyRenewalDays = 365;

/**
 * A certificate authority of the stack's own. Its key is protected, as passwords are: whoever trusts its certificate
 * trusts what the key signs, for ten years. A deployment in the last one makes a new certificate for the same key, to be
 * handed out again.
 */
export class CertificateAuthority extends pulumi.ComponentResource {
  /** What clients have to trust. */
  readonly certificatePem: pulumi.Output<string>;
  readonly privateKeyPem: pulumi.Output<string>;

  constructor(name: string, args: CertificateAuthorityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:CertificateAuthority", name, {}, opts);
    const key = new tls.PrivateKey(
      `${name}-key`,
      { algorithm: "ECDSA", ecdsaCurve: "P256" },
      { parent: this, protect: true },
    );
    this.certificatePem = new tls.SelfSignedCert(
      `${name}-certificate`,
      {
        privateKeyPem: key.privateKeyPem,
        isCaCertificate: true,
        setSubjectKeyId: true,
        subject: { commonName: args.commonName },
        validityPeriodHours: validityDays * 24,
        earlyRenewalHours: earlyRenewalDays * 24,
        allowedUses: ["cert_signing", "crl_signing"],
      },
      { parent: this },
    ).certPem;
    this.privateKeyPem = pulumi.secret(key.privateKeyPem);
    this.registerOutputs({ certificatePem: this.certificatePem, privateKeyPem: this.privateKeyPem });
  }
}
