/** What an action of L2 costs in exits to L0: small L1 hypervisors whose L2 does one thing many times. */
package nestbox.testkit.exits;
