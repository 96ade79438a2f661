package nestbox.x86.model;

/** Whose manual decides. */
public enum Vendor {
    INTEL("GenuineIntel"),
    AMD("AuthenticAMD");

    private final String cpuidName;

    Vendor(String cpuidName) {
        this.cpuidName = cpuidName;
    }

    /** The twelve characters of CPUID leaf 0. */
    public String cpuidName() {
        return cpuidName;
    }

    /** The vendor of that CPUID string or short name ({@code intel}, {@code amd}), or null. */
    public static Vendor byName(String name) {
        for (Vendor vendor : values()) {
            if (vendor.cpuidName.equals(name) || vendor.name().equalsIgnoreCase(name)) {
                return vendor;
            }
        }
        return null;
    }
}
