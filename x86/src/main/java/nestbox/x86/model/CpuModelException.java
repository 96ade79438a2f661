package nestbox.x86.model;

import java.util.List;
import nestbox.core.NestboxException;

/** A CPU model that cannot be, with every reason and not only the first. */
public final class CpuModelException extends NestboxException {
    private final transient List<String> reasons;

    public CpuModelException(String model, List<String> reasons) {
        super(
                model,
                reasons.size() == 1 ? reasons.get(0) : reasons.size() + " reasons:\n  " + String.join("\n  ", reasons));
        this.reasons = List.copyOf(reasons);
    }

    public List<String> reasons() {
        return reasons;
    }
}
