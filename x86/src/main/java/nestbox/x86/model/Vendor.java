package nestbox.x86.model;

/** Whose manual decides. */
public enum Vendor {
    INTEL,
    AMD
}
