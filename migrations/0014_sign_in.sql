-- Counts one attempt under several limits, one after the other, until one of them says no: when the next is heard then, and null
-- where all admit it. What costs nothing blocks until long ago, not until now: requests of one moment do not arrive here in the order
-- of their instants.
create function throttle_admit(keys bytea[], free integer[], step double precision[], most double precision[],
                               forgotten timestamptz[], at timestamptz)
    returns timestamptz language plpgsql as $$
declare
    until timestamptz;
begin
    for n in 1 .. array_length(keys, 1) loop
        insert into public.throttle as t (key, failures, blocked_until, expires_at) values (keys[n], 1, 'epoch', forgotten[n])
        on conflict (key) do update set
            failures = case when t.expires_at <= at then 1 else t.failures + 1 end,
            blocked_until = case when t.expires_at <= at or t.failures < free[n] then 'epoch'
                else at + make_interval(secs => least(most[n], step[n] * power(2, least(t.failures - free[n], 30)))) end,
            expires_at = forgotten[n]
        where t.blocked_until <= at;
        if not found then
            select t.blocked_until into until from public.throttle t where t.key = keys[n];
            return until;
        end if;
    end loop;
    return null;
end
$$;
revoke all on function throttle_admit(bytea[], integer[], double precision[], double precision[], timestamptz[], timestamptz) from public;
grant execute on function throttle_admit(bytea[], integer[], double precision[], double precision[], timestamptz[], timestamptz)
    to countersign_app;
