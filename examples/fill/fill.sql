-- What `fill` runs, step by step: a migrated database becomes one of a given size, shaped as years of use leave it. Ids are UUIDv7 of the
-- moment that they would have been made at; digests are of nothing, so no secret of these rows is known to anybody. Each step
-- begins with a line of its name; `each month` runs once for each month of the trail, several beside each other.

-- step: functions
create schema if not exists fill;
create function fill.accounts() returns bigint language sql stable as $$ select current_setting('fill.accounts')::bigint $$;
create function fill.at() returns timestamptz language sql stable as $$ select date_trunc('minute', current_setting('fill.at')::timestamptz) $$;
create function fill.v7(at timestamptz, seed text) returns uuid language sql immutable parallel safe as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(seed), 1, 3)
        || '8' || substr(md5(seed), 4, 15))::uuid $$;
create function fill.digest(seed text) returns bytea language sql immutable parallel safe as $$ select sha256(seed::bytea) $$;
-- As a browser says it.
create function fill.agent(n bigint) returns text language sql immutable parallel safe as $$
    select 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || 100 + n % 40 || '.0.0.0 Safari/537.36' $$;
create function fill.ip(n bigint) returns text language sql immutable parallel safe as $$
    select '198.' || 18 + n % 2 || '.' || n / 7 % 256 || '.' || n % 251 $$;
-- Spreads numbers over others, the same each time.
create function fill.spread(n bigint, size bigint) returns bigint language sql immutable parallel safe as $$
    select mod(n * 2654435761 + 12345, size) $$;

-- step: companies
insert into company (id, slug, name, require_mfa, created_at, updated_at)
select fill.v7(t, 'company' || n), 'fill-' || n, 'Company ' || n, n % 5 = 0, t, t
from generate_series(0, greatest(fill.accounts() / 100, 1) - 1) n, lateral (select fill.at() - interval '700 days' + n % 300 * interval '1 day') made(t);

-- step: people
create unlogged table fill.person as
select n, fill.v7(t, 'account' || n) as account, fill.v7(fill.at() - interval '700 days' + c % 300 * interval '1 day', 'company' || c) as company, t as made
from generate_series(0, fill.accounts() - 1) n,
    lateral (select fill.at() - interval '399 days' + fill.spread(n, 398) * interval '1 day' + n % 86400 * interval '1 second') made(t),
    -- Large and small ones: the hundredth part of the companies has a tenth of the people.
    lateral (select case when n % 10 = 0 then fill.spread(n, greatest(fill.accounts() / 10000, 1))
        else fill.spread(n, greatest(fill.accounts() / 100, 1)) end) chosen(c);
analyze fill.person;
insert into account (id, email, email_verified_at, name, home_company_id, created_at, updated_at)
select account, 'person' || n || '@fill' || n % 1000 || '.example', made, 'Person of the number ' || n, company, made, made from fill.person
order by md5(n::text);
insert into membership (company_id, account_id, role, created_at, updated_at)
select company, account, case when n % 100 = 0 then 'admin' when n % 20 = 0 then 'manager' else 'user' end, made, made from fill.person;
-- One of twenty belongs to a second company.
insert into membership (company_id, account_id, role, created_at, updated_at)
select o.company, p.account, 'user', p.made, p.made from fill.person p join fill.person o on o.n = fill.spread(p.n + 1, fill.accounts())
where p.n % 20 = 0 on conflict do nothing;
insert into password (account_id, hash, changed_at)
select account, '$argon2id$v=19$m=19456,t=2,p=1,keyid=' || encode(substr(fill.digest('k'), 1, 8), 'base64') || '$' || encode(substr(fill.digest('s' || n), 1, 16), 'base64')
    || '$' || encode(fill.digest('h' || n), 'base64'), made from fill.person;
insert into totp (account_id, seed_sealed, confirmed_at, last_step, created_at)
select account, substr(fill.digest('t' || n) || fill.digest('u' || n), 1, 56), made, 1, made from fill.person where n % 3 = 0;
insert into backup_code (account_id, digest, created_at)
select account, fill.digest('b' || n || '-' || m), made from fill.person, generate_series(1, 10) m where n % 6 = 0;

-- step: clients
insert into client (id, company_id, name, token_endpoint_auth_method, secret_digest, redirect_uris, created_at, updated_at)
select 'cli_fill_platform_' || n, null, 'Client ' || n, 'client_secret_basic', fill.digest('c' || n), '{https://app.example/callback}', fill.at(), fill.at()
from generate_series(0, 99) n;
insert into client (id, company_id, name, token_endpoint_auth_method, secret_digest, redirect_uris, created_at, updated_at)
select 'cli_fill_' || substr(slug, 6), id, 'Client of ' || name, 'client_secret_basic', fill.digest('c' || slug), '{https://app.example/callback}', created_at, created_at
from company where slug like 'fill-%';
insert into consent (company_id, account_id, client_id, scopes, granted_at)
select company, account, 'cli_fill_platform_' || n % 100, '{openid,profile,email,company,offline_access}', made from fill.person;

-- step: logins
-- Two each: one that lives, one that was signed out of and waits to be swept.
insert into login (id, account_id, auth_time, amr, acr, ip, user_agent, created_at, last_seen_at, expires_at, ended_at)
select fill.v7(t, 'login' || m || '-' || n), account, t, case when n % 3 = 0 then '{pwd,otp,mfa}'::text[] else '{pwd}' end,
    case when n % 3 = 0 then '2' else '1' end, fill.ip(n), fill.agent(n), t, t, t + interval '12 hours', case when m = 1 then t + interval '5 hours' end
from (select n, account, m, fill.at() - m * interval '3 days' - fill.spread(n, 39600) * interval '1 second' as t
      from fill.person, generate_series(0, 1) m) each order by t;

-- step: grants
-- One that lives for each, in its client; one of ten has ended.
insert into authorization_grant (company_id, id, account_id, client_id, login_id, scopes, audience, nonce, auth_time, amr, acr, created_at, expires_at, ended_at)
select company, fill.v7(t, 'grant' || n), account, 'cli_fill_platform_' || n % 100, fill.v7(t, 'login0-' || n), '{openid,profile,email,company,offline_access}',
    'https://id.example', substr(md5('n' || n), 1, 22), t, case when n % 3 = 0 then '{pwd,otp,mfa}'::text[] else '{pwd}' end,
    case when n % 3 = 0 then '2' else '1' end, t, t + interval '7 days 1 hour', case when n % 10 = 0 then t + interval '5 hours' end
from (select *, fill.at() - fill.spread(n, 39600) * interval '1 second' as t from fill.person) each order by t;
insert into authorization_code (digest, company_id, grant_id, redirect_uri, code_challenge, expires_at, used_at, created_at)
select fill.digest('code' || n), company, fill.v7(t, 'grant' || n), 'https://app.example/callback', substr(md5('n' || n) || md5('m' || n), 1, 43),
    t + interval '1 minute', t, t
from (select *, fill.at() - fill.spread(n, 39600) * interval '1 second' as t from fill.person) each order by t;

-- step: refresh tokens
-- A line of five each, the last one unused; one of fifty took the place of one that was never used.
insert into refresh_token (digest, company_id, grant_id, parent_digest, used_at, expires_at, revoked_at, created_at)
select fill.digest('r' || n || '-' || m), company, fill.v7(t, 'grant' || n), case when m > 0 then fill.digest('r' || n || '-' || m - 1) end,
    case when m < 4 then t + (m + 1) * interval '30 minutes' end, t + interval '7 days', case when m < 4 and n % 50 = 0 then t + (m + 1) * interval '30 minutes' end,
    t + m * interval '30 minutes'
from (select *, fill.at() - fill.spread(n, 39600) * interval '1 second' as t from fill.person) each, generate_series(0, 4) m;

-- step: what nobody owns
insert into browser_session (digest, data, expires_at)
select fill.digest('session' || n), jsonb_build_object('login', jsonb_build_object('account', account, 'login', fill.v7(fill.at() - fill.spread(n, 39600) * interval '1 second', 'login0-' || n)), 'csrf', md5(n::text)),
    fill.at() + interval '1 hour' + n % 39600 * interval '1 second' from fill.person;
insert into flow (digest, browser_digest, request, created_at, expires_at, finished_at)
select fill.digest('flow' || n), fill.digest('session' || n), jsonb_build_object('client_id', 'cli_fill_platform_' || n % 100, 'redirect_uri', 'https://app.example/callback',
    'scope', 'openid profile email', 'state', md5('s' || n), 'nonce', md5('n' || n), 'code_challenge', md5('c' || n)), fill.at(), fill.at() + interval '3 hours', fill.at()
from generate_series(1, fill.accounts() / 50) n;
insert into throttle (key, failures, blocked_until, expires_at)
select fill.digest('throttle' || n), 1 + n % 5, fill.at(), fill.at() + interval '3 hours' from generate_series(1, fill.accounts() / 20) n;
insert into replay (digest, expires_at)
select fill.digest('replay' || n), fill.at() + interval '3 hours' from generate_series(1, fill.accounts() / 20) n;
insert into mail_token (digest, account_id, purpose, email, expires_at, created_at)
select fill.digest('mail' || n), account, 'reset_password', 'person' || n || '@fill' || n % 1000 || '.example', fill.at() + interval '3 hours', fill.at()
from fill.person where n % 50 = 0;
insert into pairwise_subject (account_id, sector, subject)
select account, 'sector' || n % 10 || '.example', md5('p' || n) from fill.person where n % 5 = 0;

-- step: months of the trail
select event_make_months(fill.at() - interval '11 months', fill.at() + interval '3 months');

-- step: events, each month
insert into event (id, company_id, account_id, actor_id, client_id, action, ip, user_agent, request_id, detail, created_at)
select (e.ms || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid, p.company, p.account, null,
    case when e.n % 5 < 4 then 'cli_fill_platform_' || p.n % 100 end,
    case e.n % 10 when 9 then 'sign_in.succeeded' when 8 then 'second_factor.failed' when 7 then 'consent.given' else 'tokens.issued' end,
    fill.ip(p.n), fill.agent(p.n), gen_random_uuid()::text,
    case e.n % 10 when 9 then jsonb_build_object('login', gen_random_uuid(), 'amr', '["pwd","otp","mfa"]'::jsonb)
        when 7 then '{"scope": "openid profile email company offline_access"}' else '{"grant_type": "refresh_token"}' end,
    e.t
from (select first + k as n, at as t, md5('event' || first + k) as h, lpad(to_hex((epoch * 1000)::bigint), 12, '0') as ms, spread
      from (select month * per as first, per, since, extract(epoch from since)::float8 as since_epoch, extract(epoch from upto - since)::float8 / greatest(per, 1) as step, size
            from (select current_setting('fill.month')::bigint as month, current_setting('fill.events')::bigint / 12 as per, fill.accounts() as size, fill.at() as now) f,
                lateral (select date_trunc('month', now - month * interval '1 month') as since) s,
                lateral (select least(since + interval '1 month', now) as upto) u offset 0) b,
          generate_series(0, per - 1) k,
          lateral (select since_epoch + k * step as epoch) e,
          lateral (select to_timestamp(epoch) as at, fill.spread(first + k, size) as spread) x) e
    join fill.person p on p.n = e.spread;

-- step: tidy up
drop schema fill cascade;
