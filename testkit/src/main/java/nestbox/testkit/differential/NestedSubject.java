package nestbox.testkit.differential;

import nestbox.core.NestboxException;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;

/**
 * One way to run a nested case.
 *
 * @param name short, for reports and the command line: {@code shadow/keep}
 * @param configuration the laboratory
 * @param check a ledger judges every translation, those of L2 under L0 alone, and ends the run at a stale one that had to be gone
 */
record NestedSubject(String name, NestboxConfiguration configuration, boolean check) {
    /**
     * A way by its name.
     *
     * @param way {@code MODE/RETENTION}, behind it {@code +check}
     * @param tdp L1 uses EPT or nested paging, so that L0 must, too
     */
    static NestedSubject of(String way, NestedVendor vendor, boolean tdp, long seed) {
        L0Mode mode = mode(way);
        boolean check = way.endsWith(Subject.CHECK);
        String retention = way.substring(way.indexOf('/') + 1, way.length() - (check ? Subject.CHECK.length() : 0));
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .memoryBytes(NestedLayout.MEMORY)
                .seed(seed)
                .tlb(retention);
        builder = mode == L0Mode.NONE
                ? builder.cpu(vendor.model(tdp))
                : builder.cpu(vendor.silicon()).guestCpu(vendor.model(tdp)).l0(mode);
        return new NestedSubject(way, builder.build(), check);
    }

    static L0Mode mode(String way) {
        int slash = way.indexOf('/');
        if (slash < 0) {
            throw new NestboxException("differential", "'" + way + "' is not MODE/RETENTION");
        }
        return L0Mode.named("differential", way.substring(0, slash));
    }

    NestedSubject with(NestboxConfiguration other) {
        return new NestedSubject(name, other, check);
    }
}
