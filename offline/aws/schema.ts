import type { Input, Schema } from "../provider/input";
import { normalizePolicy } from "./policy-document";

const replaces = true;
const computed = true;
const required = true;
const set = true;

const ENABLED_OR_DISABLED: Input = { required, pattern: /^(Enabled|Disabled)$/ };

export const BUCKET: Schema = {
  bucket: { replaces, computed, pattern: /^.{1,63}$/ },
  forceDestroy: { default: false },
  objectLockEnabled: { replaces, computed },
  region: { replaces, computed },
  tags: {},
};

/** The inputs that all settings of a bucket share. */
export const TARGET: Schema = {
  bucket: { replaces, required },
  region: { replaces, computed },
};

export const VERSIONING: Schema = {
  versioningConfiguration: {
    required,
    fields: { status: { required, pattern: /^(Enabled|Suspended|Disabled)$/ } },
  },
};

export const ENCRYPTION: Schema = {
  rules: {
    required,
    set,
    fields: {
      applyServerSideEncryptionByDefault: {
        fields: {
          sseAlgorithm: { required, pattern: /^(AES256|aws:kms|aws:kms:dsse)$/ },
          kmsMasterKeyId: {},
        },
      },
      bucketKeyEnabled: {},
    },
  },
};

export const PUBLIC_ACCESS_BLOCK: Schema = {
  blockPublicAcls: { default: false },
  blockPublicPolicy: { default: false },
  ignorePublicAcls: { default: false },
  restrictPublicBuckets: { default: false },
  skipDestroy: {},
};

export const OWNERSHIP_CONTROLS: Schema = {
  rule: {
    required,
    fields: {
      objectOwnership: {
        required,
        pattern: /^(BucketOwnerEnforced|BucketOwnerPreferred|ObjectWriter)$/,
      },
    },
  },
};

export const POLICY: Schema = {
  policy: { required, pattern: /^\s*\{[^]*\}\s*$/, normalize: normalizePolicy },
};

export const LIFECYCLE: Schema = {
  rules: {
    required,
    fields: {
      id: { required },
      status: ENABLED_OR_DISABLED,
      filter: { fields: { prefix: {} } },
      abortIncompleteMultipartUpload: { fields: { daysAfterInitiation: {} } },
      expiration: { fields: { days: {}, expiredObjectDeleteMarker: {} } },
      noncurrentVersionExpiration: {
        fields: { noncurrentDays: { required }, newerNoncurrentVersions: {} },
      },
      transitions: { set, fields: { days: {}, storageClass: { required } } },
    },
  },
  transitionDefaultMinimumObjectSize: {
    default: "all_storage_classes_128K",
    pattern: /^(all_storage_classes_128K|varies_by_storage_class)$/,
  },
};

export const OBJECT_LOCK: Schema = {
  objectLockEnabled: { replaces, default: "Enabled", pattern: /^Enabled$/ },
  rule: {
    fields: {
      defaultRetention: {
        required,
        fields: { days: {}, mode: { pattern: /^(GOVERNANCE|COMPLIANCE)$/ }, years: {} },
      },
    },
  },
};
