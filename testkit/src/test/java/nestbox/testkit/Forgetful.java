package nestbox.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Set;
import nestbox.l0.EntryStepRow;
import nestbox.l0.HostProcessor;
import nestbox.l0.L0Config;
import nestbox.l0.Vcpu;
import nestbox.l0.VendorBackend;
import nestbox.l0.VendorBackendFactory;
import nestbox.mmu.core.MmuConfig;

/**
 * A vendor's backend of which some operations do not reach the processor.
 *
 * @param dropped their names
 */
public record Forgetful(VendorBackendFactory of, Set<String> dropped) implements VendorBackendFactory {
    @Override
    public MmuConfig mmu(L0Config config) {
        return of.mmu(config);
    }

    @Override
    public VendorBackend create(Vcpu vcpu, HostProcessor host) {
        VendorBackend real = of.create(vcpu, host);
        return (VendorBackend) Proxy.newProxyInstance(
                VendorBackend.class.getClassLoader(), new Class<?>[] {VendorBackend.class}, (p, method, arguments) -> {
                    if (dropped.contains(method.getName())) {
                        return null;
                    }
                    try {
                        return method.invoke(real, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Override
    public Set<String> ownChecks() {
        return of.ownChecks();
    }

    @Override
    public List<? extends EntryStepRow> entrySteps() {
        return of.entrySteps();
    }
}
